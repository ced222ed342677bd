//! 8,400 idle sockets, 600 half heads and bodies of a byte a second used to take all connections and 155 MiB of memory
//! from one address. How connections are watched over is tested where it is done, in `kez-http`; here is that the server
//! does it.

use std::time::Duration;

use kez_chat_server::limits::{ConnectionLimits, Limits};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{NAME, Server};

/// Long enough for everything that has to happen on a slow machine.
const FOR_EVER: Duration = Duration::from_secs(60);

async fn limited(each: usize, patience: Duration, flags: &[&str]) -> Server {
    let connections = ConnectionLimits { each, patience, ..ConnectionLimits::default() };
    Server::start_limited(Limits { connections, ..Limits::default() }, flags).await
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.base.strip_prefix("http://").expect("a URL")).await.expect("a connection")
}

/// Everything that comes until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    // A reset is an end, too.
    let _ = timeout(FOR_EVER, stream.read_to_end(&mut heard)).await.expect("it ends in time");
    String::from_utf8_lossy(&heard).into_owned()
}

/// The answer to these bytes on a connection of its own, which has to end with it.
async fn say(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    // What is refused before it was sent whole is refused all the same.
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

/// Asserts that this is a whole answer with a problem.
fn is_problem(answer: &str, status: u16, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    assert_eq!(head.contains("retry-after: "), matches!(status, 429 | 503), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&body["code"], &body["status"]), (&code.into(), &status.into()), "{body}");
    assert_eq!(body["type"], format!("https://{NAME}/problems/{code}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections_and_loopback_is_one() {
    let server = limited(5, FOR_EVER, &[]).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(connect(&server).await);
    }
    is_problem(&say(&server, b"").await, 429, "rate_limited");
    held.clear();
    while server.http.get(format!("{}/v1/healthz", server.base)).send().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_has_as_many_as_it_wants() {
    let server = limited(5, FOR_EVER, &["--trusted-proxies", "127.0.0.0/8"]).await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(connect(&server).await);
    }
    assert_eq!(server.get("/v1/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_and_half_heads_keep_nobody_out() {
    let server = limited(20, Duration::from_secs(3), &[]).await;
    let mut held = Vec::new();
    for number in 0..20 {
        let mut stream = connect(&server).await;
        if number % 2 == 0 {
            stream.write_all(b"GET /v1/healthz HTTP/1.1\r\nhost: a\r\nx: ").await.expect("it is sent");
        }
        held.push(stream);
    }
    // All of the address's places are taken, and nobody gives one back.
    let victim = async {
        while server.http.get(format!("{}/v1/healthz", server.base)).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(FOR_EVER, victim).await.expect("there is a place soon");
    for stream in &mut held {
        rest(stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_byte_a_second_is_refused() {
    let server = limited(20, Duration::from_secs(6), &[]).await;
    let mut stream = connect(&server).await;
    let head =
        "POST /v1/register HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 16000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let (mut reading, mut writing) = stream.into_split();
    let dripping = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = vec![0; 2_000];
    let read = timeout(Duration::from_secs(12), reading.read(&mut answer)).await.expect("well before fifteen seconds");
    let answer = String::from_utf8_lossy(&answer[..read.expect("an answer")]).into_owned();
    is_problem(&answer, 400, "invalid_request");
    timeout(FOR_EVER, dripping).await.expect("the connection ends").expect("nothing went wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_is_told_why() {
    let server = Server::start().await;
    let close = "connection: close\r\n\r\n";
    let get = |target: &str, rest: &str| format!("GET {target} HTTP/1.1\r\n{rest}{close}");
    let long = |length: usize| "x".repeat(length);
    for (request, status, code) in [
        (get(&format!("/v1/u/{}", long(70_000)), "host: a\r\n"), 414, "uri_too_long"),
        (get(&format!("/v1/u/{}", long(8_200)), "host: a\r\n"), 414, "uri_too_long"),
        (get(&format!("/{}", long(8_200)), "host: a\r\n"), 414, "uri_too_long"),
        (get("/v1/healthz", &format!("host: a\r\nx: {}\r\n", long(33_000))), 431, "headers_too_large"),
        (get("/v1/healthz", &format!("host: a\r\n{}", "x: y\r\n".repeat(100))), 431, "headers_too_large"),
        (get("/v1/healthz", ""), 400, "invalid_request"),
        (get("/", ""), 400, "invalid_request"),
        (get("/v1/healthz", "host: a\r\nhost: a\r\n"), 400, "invalid_request"),
        (get("/v1/healthz", "host: a b\r\n"), 400, "invalid_request"),
        (get("/v1/healthz", "host: a/b\r\n"), 400, "invalid_request"),
        (get("/v1/healthz", "host: a:x\r\n"), 400, "invalid_request"),
        (get("/v1/healthz", "host: \r\n"), 400, "invalid_request"),
    ] {
        is_problem(&say(&server, request.as_bytes()).await, status, code);
    }
    let almost = get(&format!("/v1/u/{}", long(8_100)), "host: a\r\n");
    is_problem(&say(&server, almost.as_bytes()).await, 404, "not_found");
    let large = get("/v1/healthz", &format!("host: a\r\nx: {}\r\n", long(31_000)));
    assert!(say(&server, large.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    let old = say(&server, b"GET /v1/healthz HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_has_to_be_decoded_is_not_taken() {
    let server = Server::start().await;
    for path in
        ["/v1/register", "/v1/release", "/v1/pairings", &format!("/v1/sigchains/ed25519/{}/events", "0".repeat(64))]
    {
        for coding in ["gzip", "br", "identity, deflate"] {
            let headers = [("content-type", "application/json"), ("content-encoding", coding)];
            let answer = server.send(reqwest::Method::POST, path, &headers, b"{}".to_vec()).await;
            answer.is(415, "unsupported_media_type");
        }
    }
    let headers = [("content-type", "application/json"), ("content-encoding", "identity")];
    server.send(reqwest::Method::POST, "/v1/register", &headers, b"{}".to_vec()).await.is(400, "malformed_envelope");
}
