//! Whole logs, which are the largest thing that anybody may send: nothing of one is read for a stranger, and one at a time
//! for a chain.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::chains::owner::Owner;
use crate::harness::Server;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const MIB: usize = 1024 * 1024;

/// Begins to send a log of so many bytes, and sends no more than its first byte.
async fn begin(server: &Server, path: &str, length: usize) -> TcpStream {
    let address = server.base.strip_prefix("http://").expect("a base");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n["
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream
}

/// The answer's status line, which comes although most of the body does not.
async fn status(mut stream: TcpStream) -> String {
    let mut start = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut start)).await;
    read.expect("an answer comes").expect("it arrives");
    String::from_utf8_lossy(&start).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_for_a_stranger() {
    let server = Server::start().await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    let stranger = Owner::new(7);
    assert_eq!(status(begin(&server, &stranger.path(""), 8 * MIB).await).await, "HTTP/1.1 403");
    assert_eq!(status(begin(&server, &stranger.path(""), 8 * MIB + 1).await).await, "HTTP/1.1 413");
    assert_eq!(status(begin(&server, &owner.path(""), 8 * MIB + 1).await).await, "HTTP/1.1 413");
    let answer = server.send(Method::PUT, &stranger.path(""), &JSON, vec![b'['; 8 * MIB]).await;
    answer.was_for(403, "key_not_authorised", "key-not-authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_log_at_a_time_for_a_chain() {
    let server = Server::start().await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    let other = Owner::start(&server, "other", 11).await;
    let log = server.get(&owner.path("/audit")).await.bytes;
    let put = async |path: String, log: Vec<u8>| server.send(Method::PUT, &path, &JSON, log).await;
    let mut slow = Vec::new();
    let refused = async {
        // Until a slow one was there first.
        loop {
            slow.push(begin(&server, &owner.path(""), 8 * MIB).await);
            let answer = put(owner.path(""), log.clone()).await;
            if answer.status == 503 {
                return answer;
            }
            answer.was(200);
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(20), refused).await.expect("it is busy");
    refused.is(503, "unavailable");
    assert_eq!(server.get(&owner.path("/head")).await.status, 200);
    let others = server.get(&other.path("/audit")).await.bytes;
    put(other.path(""), others).await.was(200);
    // Whoever goes away is waited for no longer.
    drop(slow);
    let taken = async {
        while put(owner.path(""), log.clone()).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taken).await.expect("there is a place again");
}
