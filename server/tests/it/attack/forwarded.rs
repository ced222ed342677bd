//! A proxy that names nobody, or nobody that can be read, used to make its clients the machine's own programs, which are
//! not limited.

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{NAME, Server};
use crate::program::run;

/// How many of ten requests with this header are answered.
async fn answered(server: &Server, forwarded: Option<&str>) -> usize {
    let mut answered = 0;
    for _ in 0..10 {
        let headers: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        let answer = server.send(Method::GET, "/v1/healthz", &headers, Vec::new()).await;
        match answer.status {
            200 => answered += 1,
            _ => answer.is(429, "rate_limited"),
        }
    }
    answered
}

async fn behind_a_proxy() -> Server {
    Server::start_with(&["--trusted-proxies", "127.0.0.0/8", "--reads-per-second", "1"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_named_is_limited() {
    for forwarded in [None, Some(""), Some("unknown"), Some("_hidden"), Some("localhost"), Some("192.0.2.1, unknown")] {
        let answered = answered(&behind_a_proxy().await, forwarded).await;
        assert!(answered < 8, "{forwarded:?}: {answered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_zone_is_an_address() {
    let server = behind_a_proxy().await;
    assert!(answered(&server, Some("fe80::1%eth0")).await < 8);
    let other = server.send(Method::GET, "/v1/healthz", &[("x-forwarded-for", "fe80:1::1%eth0")], Vec::new()).await;
    assert_eq!(other.status, 200, "it is not one with the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_not_named_are_one_and_nobody_else() {
    let server = behind_a_proxy().await;
    answered(&server, Some("unknown")).await;
    assert!(answered(&server, None).await < 5, "they share what one has");
    assert!(answered(&server, Some("198.51.100.7")).await >= 2, "who is named has nothing to do with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_loopback_address_is_a_client_like_any_other() {
    let server = behind_a_proxy().await;
    assert!(answered(&server, Some("127.0.0.1")).await < 8);
    let server = Server::start_with(&["--trusted-proxies", "10.0.0.0/8", "--reads-per-second", "1"]).await;
    assert_eq!(answered(&server, None).await, 10, "a peer on loopback that is no proxy is the machine's own");
}

/// A proxy in front of the server that adds these lines to each request. Gives its URL.
async fn proxy(server: &Server, lines: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let to = server.base.strip_prefix("http://").expect("a URL").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.expect("a request"));
            }
            head.truncate(head.len() - 2);
            let mut server = TcpStream::connect(&to).await.expect("the server");
            let request = [&head, lines.as_bytes(), b"connection: close\r\n\r\n"].concat();
            server.write_all(&request).await.expect("it is passed on");
            let _ = tokio::io::copy(&mut server, &mut client).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_a_proxy_that_says_nothing() {
    let trusted = ("KEZ_CHAT_TRUSTED_PROXIES", "127.0.0.0/8");
    for (lines, trusts, expected) in [
        ("x-forwarded-for: 198.51.100.7\r\n", true, "ok    proxy"),
        ("", true, "FAIL  proxy"),
        ("x-forwarded-for: unknown\r\n", true, "FAIL  proxy"),
        ("x-forwarded-for: 198.51.100.7\r\n", false, "FAIL  proxy"),
        ("", false, "ok    proxy"),
    ] {
        let flags = if trusts { &["--trusted-proxies", "127.0.0.0/8"][..] } else { &[] };
        let server = Server::start_with(flags).await;
        let (url, db) = (proxy(&server, lines).await, server.db());
        let mut environment = vec![
            ("KEZ_CHAT_SERVER", NAME),
            ("KEZ_CHAT_BIND", server.base.strip_prefix("http://").expect("a URL")),
            ("KEZ_CHAT_DB", db.to_str().expect("UTF-8")),
            ("KEZ_CHAT_PUBLIC_URL", &url),
        ];
        environment.extend(trusts.then_some(trusted));
        let (_, report, _) = run(&["doctor"], &environment).await;
        assert!(report.lines().any(|line| line.starts_with(expected)), "{lines:?}, {trusts}: {report}");
    }
}
