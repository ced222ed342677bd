//! A proxy that names nobody, or nobody that can be read, used to make its clients the machine's own programs, which are
//! not limited.

use reqwest::Method;

use crate::harness::Server;

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
