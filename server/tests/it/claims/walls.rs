//! What a stranger's host must not do to this server: lead it inside, feed it without end, hold it up.

use std::time::{Duration, Instant};

use kez_chat_server::claims::State::{Failed, Proven, Unreachable};
use kez_chat_server::claims::{Outside, is_public};
use kez_core::claim::{Kind, proof_text};
use tokio::net::TcpListener;

use super::world::{Internet, Reply, answer, chain, evidence, is, ok, redirect};

const MAX: usize = 64 * 1024;
const INSIDE: &str = "no public address";

fn proof() -> String {
    proof_text(Kind::Https, &chain())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_inside_are_not_followed() {
    let internet = Internet::start(|_, _| ok(proof())).await;
    // By the rules of the real internet, 127.0.0.1 is as little public as all the others.
    let real = Outside { permits: is_public, ..internet.outside() };
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["2002:7f00:1::"],
        &["fd00::1"],
        &["fe80::1"],
        &["8.8.8.8", "127.0.0.1"],
        &["2606:4700::1111", "::1"],
        &[],
    ] {
        internet.names.mean("example.org", &[addresses]);
        is(real.check(&evidence("https", "example.org", ""), &chain()).await, Unreachable, INSIDE);
    }
    assert!(internet.heads.lock().expect("no panic").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_inside_are_not_followed() {
    let internet =
        Internet::start(|host, _| if host == "example.org" { redirect("https://other.example/") } else { ok(proof()) });
    let internet = internet.await;
    assert_eq!(internet.document().await.state, Proven, "where the other name is public, it is");
    for inside in ["127.0.0.2", "192.168.0.1", "::1"] {
        internet.names.mean("other.example", &[&[inside]]);
        is(internet.document().await, Unreachable, INSIDE);
    }
    internet.names.mean("other.example", &[&["127.0.0.1", "10.0.0.1"]]);
    is(internet.document().await, Unreachable, INSIDE);
    assert_eq!(
        internet.heads.lock().expect("no panic").iter().filter(|head| head.contains("other.example")).count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_changes_its_mind_is_asked_once_a_request() {
    let internet = Internet::start(|_, path| if path == "/2" { ok(proof()) } else { redirect("/2") }).await;
    // Public when it is looked at, inside when a second look would be taken.
    internet.names.mean("example.org", &[&["127.0.0.1"], &["127.0.0.1"], &["10.0.0.1"]]);
    assert_eq!(internet.document().await.state, Proven);
    assert_eq!(*internet.names.asked.lock().expect("no panic"), ["example.org", "example.org"], "one for each request");
    // And the redirect to itself is judged anew.
    internet.names.mean("example.org", &[&["127.0.0.1"], &["10.0.0.1"]]);
    is(internet.document().await, Unreachable, INSIDE);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_have_64_kib_at_most() {
    let padded = |size: usize| format!("{}{}", proof(), " ".repeat(size - proof().len()));
    let internet = Internet::start(move |_, _| ok(padded(MAX))).await;
    assert_eq!(internet.document().await.state, Proven);
    let internet = Internet::start(move |_, _| ok(padded(MAX + 1))).await;
    is(internet.document().await, Failed, "larger than 64 KiB");
    let chunked = move |size: usize| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Reply::Raw(format!("{head}{size:x}\r\n{}\r\n0\r\n\r\n", padded(size)).into_bytes())
    };
    let internet = Internet::start(move |_, _| chunked(MAX)).await;
    assert_eq!(internet.document().await.state, Proven);
    let internet = Internet::start(move |_, _| chunked(MAX + 1)).await;
    is(internet.document().await, Failed, "larger than 64 KiB");
    let endless = move || Reply::Raw(format!("HTTP/1.1 200 OK\r\n\r\n{}", padded(MAX * 64)).into_bytes());
    let internet = Internet::start(move |_, _| endless()).await;
    is(internet.document().await, Failed, "larger than 64 KiB");
    let headers = "X: y\r\n".repeat(MAX);
    let internet = Internet::start(move |_, _| answer("200 OK", &headers, proof())).await;
    is(internet.document().await, Unreachable, "no whole answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_holds_it_up() {
    let hour = Duration::from_secs(3_600);
    let body = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    let (often, seldom) = (Duration::from_millis(20), hour);
    for (first, rest, pause) in [
        (&b""[..], &b"HTTP/1.1 200 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"[..], often),
        (body, b"{\"a\":\"bb\"}", seldom),
        (b"HTTP/1.1 ", b"2", seldom),
    ] {
        let internet = Internet::start(move |_, _| Reply::Drip(first, rest, pause)).await;
        in_time(&internet, "example.org").await;
    }
    // A host that takes connections and is silent.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let internet = Internet::start(|_, _| ok(proof())).await;
    in_time(&internet, &format!("example.org:{port}")).await;
}

/// Asserts that a check of a host ends when its time is over.
async fn in_time(internet: &Internet, host: &str) {
    let patience = Duration::from_millis(400);
    let outside = Outside { patience, ..internet.outside() };
    let started = Instant::now();
    is(outside.check(&evidence("https", host, ""), &chain()).await, Unreachable, "in time");
    assert!(started.elapsed() >= patience && started.elapsed() < patience * 10, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_have_to_be_who_they_say() {
    let internet = Internet::start(|_, _| ok(proof())).await;
    internet.names.mean("uncertified.example", &[&["127.0.0.1"]]);
    is(internet.check("https", "uncertified.example", "").await, Unreachable, "no certificate");
    // Another internet's authorities are none in this one.
    let other = Internet::start(|_, _| ok(proof())).await;
    let outside = Outside { tls: other.outside().tls, ..internet.outside() };
    is(outside.check(&evidence("https", "example.org", ""), &chain()).await, Unreachable, "no certificate");
    assert!(internet.heads.lock().expect("no panic").is_empty());
    // Somebody who speaks no TLS, nobody at all, and a name that no server knows.
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = plain.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = plain.accept().await {
            let _ = stream.try_write(b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    is(internet.check("https", &format!("example.org:{port}"), "").await, Unreachable, "no certificate");
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    is(internet.check("https", &format!("example.org:{gone}"), "").await, Unreachable, "does not take connections");
    is(internet.check("https", "unknown.example", "").await, Unreachable, "No name server");
    let internet = Internet::start(|_, _| Reply::Raw(b"SSH-2.0-x\r\n\r\n".to_vec())).await;
    is(internet.document().await, Unreachable, "no whole answer");
    let internet = Internet::start(|_, _| Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec())).await;
    is(internet.document().await, Unreachable, "no whole answer");
}
