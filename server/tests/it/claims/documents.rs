//! Documents of web hosts: what proves, what does not, and what is sent to ask.

use kez_chat_server::claims::State::{Failed, Proven, Unreachable};
use kez_core::claim::{Kind, proof_text};

use super::world::{Internet, answer, chain, is, ok, redirect};
use crate::harness::key;

const PATH: &str = "/.well-known/kez.json";

fn proof() -> String {
    proof_text(Kind::Https, &chain())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_proves_or_not() {
    let internet = Internet::start(|_, _| ok(proof())).await;
    let verdict = internet.document().await;
    assert_eq!((verdict.state, verdict.detail), (Proven, None));
    let internet = Internet::start(|_, _| ok(proof_text(Kind::Https, &key(2).id()))).await;
    is(internet.document().await, Failed, "does not name");
    let internet = Internet::start(|_, _| ok(format!("<p>{}</p>", proof()))).await;
    is(internet.document().await, Failed, "does not name");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_says_who_asks_and_nothing_else() {
    let internet = Internet::start(|_, _| ok(proof())).await;
    assert_eq!(internet.document().await.state, Proven);
    let port = internet.port.to_string();
    assert_eq!(internet.check("https", &format!("example.org:{port}"), "").await.state, Proven, "a port of its own");
    let heads = internet.heads.lock().expect("no panic").clone();
    let agent = concat!("user-agent: kez-chat/", env!("CARGO_PKG_VERSION"));
    for (head, host) in heads.iter().zip(["host: example.org", &format!("host: example.org:{port}")]) {
        let mut lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.remove(0), format!("get {PATH} http/1.1"));
        lines.sort_unstable();
        assert_eq!(lines, ["accept: application/json, text/plain;q=0.9, */*;q=0.1", host, agent]);
    }
    assert_eq!(heads.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_redirects_are_followed_and_a_fourth_is_not() {
    let steps = |last: u32| {
        move |host: &str, path: &str| match (host, path) {
            ("example.org", PATH) => redirect("/1"),
            ("example.org", "/1") => redirect("https://other.example/2?x=y#z"),
            ("other.example", "/2?x=y") if last == 2 => ok(proof()),
            ("other.example", "/2?x=y") => redirect("3"),
            ("other.example", "/3") if last == 3 => ok(proof()),
            ("other.example", "/3") => redirect("/4"),
            _ => ok(proof()),
        }
    };
    for (last, state) in [(2, Proven), (3, Proven), (4, Failed)] {
        let internet = Internet::start(steps(last)).await;
        let verdict = internet.document().await;
        assert_eq!(verdict.state, state, "{last}: {verdict:?}");
        assert_eq!(internet.heads.lock().expect("no panic").len(), last.min(3) as usize + 1);
    }
    let internet = Internet::start(steps(4)).await;
    is(internet.document().await, Failed, "more than 3 redirects");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_lead_to_names_over_https_only() {
    for to in [
        "http://example.org/x",
        "http://other.example/x",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "data:application/json,{}",
        "https://user@example.org/x",
        "https://user:word@example.org/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://2130706433/x",
        "https://localhost/x",
        "//127.0.0.1/x",
        "https://",
        "https://example.org:99999/",
    ] {
        let internet = Internet::start(move |_, path| if path == PATH { redirect(to) } else { ok(proof()) }).await;
        is(internet.document().await, Failed, "A redirect leads to where");
        assert_eq!(internet.heads.lock().expect("no panic").len(), 1, "{to}");
    }
    let internet = Internet::start(|_, _| answer("302 Found", "", "")).await;
    is(internet.document().await, Failed, "A redirect leads to where");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_answers_prove_nothing() {
    for (status, state, words) in [
        ("404 Not Found", Failed, "There is nothing"),
        ("410 Gone", Failed, "There is nothing"),
        ("401 Unauthorized", Failed, "does not show"),
        ("403 Forbidden", Failed, "does not show"),
        ("206 Partial Content", Failed, "does not show"),
        ("304 Not Modified", Failed, "does not show"),
        ("429 Too Many Requests", Unreachable, "has a fault"),
        ("500 Internal Server Error", Unreachable, "has a fault"),
        ("503 Service Unavailable", Unreachable, "has a fault"),
    ] {
        let internet = Internet::start(move |_, _| {
            answer(status, "", if status.starts_with("304") { String::new() } else { proof() })
        })
        .await;
        is(internet.document().await, state, words);
    }
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let internet = Internet::start(move |_, _| answer("200 OK", &header, proof())).await;
        is(internet.document().await, Failed, "compressed");
    }
}
