//! Requests that cost the server a hundred times what a lookup does used to be counted like one; and a /48, which costs
//! nothing, held 65,536 clients.

use reqwest::Method;

use crate::harness::{Server, key};

/// How many of so many requests for `path` are answered, from the addresses that `client` names.
async fn answered(server: &Server, path: &str, requests: usize, client: impl Fn(usize) -> String) -> usize {
    let mut answered = 0;
    for number in 0..requests {
        let headers = [("x-forwarded-for", &*client(number))];
        let answer = server.send(Method::GET, path, &headers, Vec::new()).await;
        if answer.status == 429 {
            answer.is(429, "rate_limited");
        } else {
            answered += 1;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dear_is_had_less_often() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8", "--reads-per-second", "20"]).await;
    let chain = format!("/v1/sigchains/ed25519/{}", key(1).id().hex());
    let one = |last: usize| move |_| format!("198.51.100.{last}");
    let cheap = answered(&server, &format!("{chain}/head"), 100, one(1)).await;
    assert!(cheap >= 40, "forty come back to back, more with time: {cheap}");
    for (last, path, most) in [
        (2, "/v1/export?limit=500".to_owned(), 10),
        (3, "/v1/export".to_owned(), 25),
        (4, format!("{chain}/events?limit=500"), 20),
        (5, format!("{chain}/state?at_seq=1"), 30),
        (6, format!("{chain}/audit"), 40),
        (7, "/".to_owned(), 30),
    ] {
        let dear = answered(&server, &path, 50, one(last)).await;
        assert!((1..=most).contains(&dear), "{path}: {dear}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_network_has_little_more_than_one_line() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8", "--reads-per-second", "5"]).await;
    let spread = answered(&server, "/v1/healthz", 200, |number| format!("2001:db8:0:{number:x}::1")).await;
    // Ten at once and five a second are one line's; a /56 has twice and a /48 four times as much.
    assert!((20..120).contains(&spread), "{spread}");
    assert_eq!(
        answered(&server, "/v1/healthz", 5, |_| "2001:db8:1::1".to_owned()).await,
        5,
        "other networks are others"
    );
}
