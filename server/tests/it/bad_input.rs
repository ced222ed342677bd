//! Hostile bodies: each gets its problem, none an internal error.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn bodies() {
    let server = Server::start().await;
    let good = String::from_utf8(server.registration("tudisco", &key(1))).expect("JSON is UTF-8");
    let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty", Vec::new(), 400, "malformed_json"),
        ("white space", b" \n".to_vec(), 400, "malformed_json"),
        ("truncated", good.as_bytes()[..good.len() - 1].to_vec(), 400, "malformed_json"),
        ("twice", good.repeat(2).into_bytes(), 400, "malformed_json"),
        ("BOM", [b"\xef\xbb\xbf", good.as_bytes()].concat(), 400, "malformed_json"),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect(), 400, "malformed_json"),
        (
            "invalid UTF-8",
            good.replace("tudisco", "tud\u{1}")
                .into_bytes()
                .into_iter()
                .map(|b| if b == 1 { 0xff } else { b })
                .collect(),
            400,
            "malformed_json",
        ),
        ("NUL", good.replace("tudisco", "tud\0").into_bytes(), 400, "malformed_json"),
        ("escaped NUL", good.replace("tudisco", "tud\\u0000").into_bytes(), 400, "bad_signature"),
        ("lone surrogate", good.replace("tudisco", "tud\\ud800").into_bytes(), 400, "malformed_json"),
        ("array", format!("[{good}]").into_bytes(), 400, "malformed_envelope"),
        ("number", b"1".to_vec(), 400, "malformed_envelope"),
        ("null", b"null".to_vec(), 400, "malformed_envelope"),
        ("form", b"handle=tudisco".to_vec(), 400, "malformed_json"),
        ("10,000 deep", vec![b'['; 10_000], 400, "malformed_json"),
        (
            "17 deep",
            good.replace("\"tudisco\"", &format!("{}1{}", "[".repeat(15), "]".repeat(15))).into_bytes(),
            400,
            "malformed_json",
        ),
        ("handle of another type", good.replace("\"tudisco\"", "7").into_bytes(), 400, "malformed_envelope"),
        (
            "payload of another type",
            b"{\"kez\":\"handle_registration\",\"payload\":[],\"signature\":{}}".to_vec(),
            400,
            "malformed_envelope",
        ),
        (
            "bad number, then bad JSON",
            good.replace("\"version\":1", "\"version\":1.0").into_bytes()[..good.len() - 1].to_vec(),
            400,
            "malformed_json",
        ),
        (
            "too large when canonical",
            good.replace("tudisco", &"a".repeat(9_000)).into_bytes(),
            413,
            "payload_too_large",
        ),
        ("one byte too many", padded(16_385).into_bytes(), 413, "payload_too_large"),
        ("10 MB", vec![b' '; 10_000_000], 413, "payload_too_large"),
    ];
    for (name, body, status, code) in cases {
        let answer = server.post("/v1/register", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}");
    }
    assert_eq!(server.post("/v1/register", padded(16_384)).await.status, 201, "16 KiB is allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types() {
    let server = Server::start().await;
    let body = server.registration("tudisco", &key(1));
    let send =
        async |headers: &[(&str, &str)], body: Vec<u8>| server.send(Method::POST, "/v1/register", headers, body).await;
    for bad in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; boundary=x"]
    {
        send(&[("content-type", bad)], body.clone()).await.is(415, "unsupported_media_type");
    }
    send(&[], body.clone()).await.is(415, "unsupported_media_type");
    // Size is looked at before the media type, the media type before the JSON.
    send(&[("content-type", "text/plain")], vec![b'x'; 20_000]).await.is(413, "payload_too_large");
    send(&[("content-type", "text/plain")], b"{".to_vec()).await.is(415, "unsupported_media_type");
    assert_eq!(send(&[("content-type", "application/json; charset=utf-8")], body).await.status, 201);
}

/// One raw exchange on a connection of its own; gives everything that came back.
async fn raw(server: &Server, request: &[u8]) -> String {
    let address = server.base.strip_prefix("http://").expect("a base");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request).await.expect("it is taken");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
    // The server may close while it is still being sent to; what arrived counts.
    let _ = read.await.expect("no hang");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_announced_body_is_refused_before_it_is_sent() {
    let server = Server::start().await;
    let started = Instant::now();
    let head = "POST /v1/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 10000000\r\n\r\n";
    let answer = raw(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("payload_too_large"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

/// Many clients send all of a body before they listen. They must hear the answer, not a connection reset.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_everything_first_hears_why() {
    let server = Server::start().await;
    let cases = ["content-length: 10000000", "transfer-encoding: chunked"].into_iter().flat_map(|framing| {
        let on = move |method, path, code| (framing, method, path, code);
        [
            on("POST", "/v1/register", "payload_too_large"),
            on("POST", "/v1/server", "method_not_allowed"),
            on("PUT", "/v1/register", "method_not_allowed"),
            on("POST", "/v1/nowhere", "not_found"),
            on("POST", "/internal/nats/auth", "not_found"),
            on("POST", "/register", "method_not_allowed"),
            on("GET", "/v1/server", "\"registration\":\"open\""),
        ]
    });
    for (framing, method, path, code) in cases {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n{framing}\r\n\r\n"
        );
        if framing.starts_with("content-length") {
            request.push_str(&" ".repeat(10_000_000));
        } else {
            let chunk = format!("2710\r\n{}\r\n", " ".repeat(10_000));
            request.push_str(&chunk.repeat(1_000));
            request.push_str("0\r\n\r\n");
        }
        let answer = raw(&server, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 ") && answer.contains(code), "{method} {path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_counted_as_it_comes() {
    let server = Server::start().await;
    let mut request = b"POST /v1/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        request.extend(b"400\r\n");
        request.extend([b' '; 1024]);
        request.extend(b"\r\n");
    }
    let answer = raw(&server, &request).await;
    assert!(answer.contains("payload_too_large"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_http_is_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    for request in [
        &b"GET /v1/server HTTP/9.9\r\n\r\n"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET /v1/\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /v1/server HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"POST /v1/register HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /v1/register HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET /v1/server HTTP/1.1\r\nhost: x\r\nx: \0\r\n\r\n",
    ] {
        let answer = raw(&server, request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {request:?}"));
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(head.contains("content-type: application/problem+json"), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("a problem");
        assert_eq!((&problem["code"], &problem["status"]), (&"invalid_request".into(), &400.into()));
    }
    let long = format!("GET /v1/u/{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET /v1/server HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (request, code, status) in [(long, "uri_too_long", 414), (many, "headers_too_large", 431)] {
        let answer = raw(&server, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.contains("content-type: application/problem+json"), "{answer}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("a problem");
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()));
    }
    assert_eq!(server.get("/v1/healthz").await.status, 200);
}
