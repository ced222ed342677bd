//! Heads that come slowly, are too large, or no heads at all.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::{FOR_EVER, hear, impatient, patient, rest, start};
use crate::serve::refusals::HEARD_OUT;

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut() {
    let server = start(impatient(), false).await;
    let mut stream = server.connect().await;
    let dripping = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(FOR_EVER, dripping).await.expect("it is cut");
}

#[tokio::test]
async fn heads_that_are_too_large_are_told_why() {
    let server = start(patient(), false).await;
    let long = |length: usize| "x".repeat(length);
    let line = |length| format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", long(length));
    let header = |length| format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", long(length));
    let headers = |count| format!("GET / HTTP/1.1\r\nhost: a\r\n{}connection: close\r\n\r\n", "x: y\r\n".repeat(count));
    for (request, code) in [
        (line(70_000), "uri_too_long"),
        (line(40_000), "uri_too_long"),
        (line(2_000_000), "uri_too_long"),
        (header(33_000), "headers_too_large"),
        (header(600_000), "headers_too_large"),
        (headers(99), "headers_too_large"),
        ("nonsense\r\n\r\n".to_owned(), "invalid_request"),
        ("GET /\x01 HTTP/1.1\r\n\r\n".to_owned(), "invalid_request"),
    ] {
        let start: String = request.chars().take(30).collect();
        let answer = server.say(request.as_bytes()).await;
        assert_eq!(answer, format!("HTTP/1.1 000 {code} retry 0\r\n\r\n"), "{} {start}", request.len());
    }
    assert!(server.say(headers(98).as_bytes()).await.ends_with("hello"));
    let large = header(31_000).replace("x: ", "connection: close\r\nx: ");
    assert!(server.say(large.as_bytes()).await.ends_with("hello"));
    // Another request on the same connection is judged by its own line.
    let mut stream = server.quiet().await;
    stream.write_all(header(33_000).as_bytes()).await.expect("it is sent");
    hear(&mut stream, "headers_too_large").await;
    let mut stream = server.quiet().await;
    stream.write_all(line(33_000).as_bytes()).await.expect("it is sent");
    hear(&mut stream, "uri_too_long").await;
}

#[tokio::test]
async fn some_senders_of_large_heads_are_heard_out_and_the_others_are_not() {
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(33_000));
    let mut other = loop {
        let server = start(patient(), false).await;
        let began = Instant::now();
        for _ in 0..HEARD_OUT {
            let mut heard = server.send(head.as_bytes()).await;
            hear(&mut heard, "headers_too_large").await;
            heard.write_all(&[b'x'; 500_000]).await.expect("it is read");
        }
        let mut other = server.send(head.as_bytes()).await;
        rest(&mut other).await;
        // A slow machine may need another second, in which others are heard out.
        if began.elapsed() < Duration::from_secs(1) {
            break other;
        }
    };
    let ended = async {
        while other.write_all(&[b'x'; 1_000]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(FOR_EVER, ended).await.expect("its connection ends at once");
}
