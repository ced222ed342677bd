//! Nobody starts, sends, keeps or gets more than is good for the others.

use std::time::Duration;

use kez_chat_server::clock::Clock as _;
use kez_chat_server::limits::{ConversationLimits, Limits};
use kez_core::commit_order::NewCommit;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{COMMITS, LOG, commit, commit_of, part, start};
use crate::harness::{Answer, Server, key};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_starts_twenty_a_day() {
    let server = Server::talking(&[1, 2], &[]).await;
    for conversation in 0..20 {
        server.begin(conversation, &key(1)).await.was(201);
    }
    server.clock.advance(10);
    let refused = server.begin(20, &key(1)).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "86390");
    server.begin(3, &key(1)).await.was(200);
    server.begin(3, &key(2)).await.is(409, "conversation_conflict");
    server.begin(21, &key(2)).await.was(201);
    server.clock.advance(86_390);
    server.begin(20, &key(1)).await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_has_sixty_commits_an_hour() {
    let server = Server::talking(&[1], &[7, 8]).await;
    for epoch in 1..=60 {
        server.commit(&commit(7, epoch, 0)).await.begins(201, epoch + 1);
    }
    server.clock.advance(10);
    let refused = server.commit(&commit(7, 61, 0)).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3590");
    server.commit(&commit(7, 60, 1)).await.is_late(61);
    server.commit(&commit(7, 60, 0)).await.begins(200, 61);
    server.commit(&NewCommit { gate: [0; 32], ..commit(7, 61, 0) }).await.is(403, "not_a_member");
    server.commit(&commit(8, 1, 0)).await.begins(201, 2);
    server.clock.advance(3_590);
    server.commit(&commit(7, 61, 0)).await.begins(201, 62);
}

/// The largest commits that there are, as often as they may come.
async fn fill(server: &Server, conversation: u8, epochs: std::ops::RangeInclusive<u64>) {
    for epoch in epochs {
        let mut bytes = vec![conversation; 65_536];
        bytes[..8].copy_from_slice(&epoch.to_be_bytes());
        server.commit(&commit_of(conversation, epoch, bytes)).await.begins(201, epoch + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_mebibytes_are_kept_of_a_conversation() {
    let server = Server::talking(&[1], &[7, 8]).await;
    for hour in 0..3 {
        fill(&server, 7, hour * 60 + 1..=(hour * 60 + 60).min(128)).await;
        server.clock.advance(3_600);
    }
    let refused = server.commit(&commit_of(7, 129, vec![1])).await;
    refused.is(429, "rate_limited");
    // When the first one goes.
    assert_eq!(refused.header("retry-after"), (90 * 86_400 - 3 * 3_600).to_string());
    server.commit(&commit(8, 1, 0)).await.begins(201, 2);
    server.clock.advance(90 * 86_400 - 3 * 3_600);
    server.commit(&commit(8, 2, 0)).await.begins(201, 3);
    server.commit(&commit_of(7, 129, vec![1])).await.begins(201, 130);
    let log = server.post(LOG, part(7, 0, 100)).await;
    assert_eq!(log.json()["oldest"], 61, "of the first hour none");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_identity_started_has_bytes_together() {
    let stored = kez_store::conversations::Limits { starter_bytes: 100_000, ..Default::default() };
    let limits = ConversationLimits { stored, ..ConversationLimits::default() };
    let server = Server::start_limited(Limits { conversations: limits, ..Limits::default() }, &[]).await;
    for seed in [1, 2] {
        server.register(&format!("person{seed}"), &key(seed)).await;
    }
    for (conversation, seed) in [(7, 1), (8, 1), (9, 2)] {
        server.begin(conversation, &key(seed)).await.was(201);
    }
    server.commit(&commit_of(7, 1, vec![7; 60_000])).await.begins(201, 2);
    server.commit(&commit_of(8, 1, vec![7; 40_001])).await.is(429, "rate_limited");
    server.commit(&commit_of(9, 1, vec![7; 40_001])).await.begins(201, 2);
    server.commit(&commit_of(8, 1, vec![7; 40_000])).await.begins(201, 2);
    let refused = server.commit(&commit_of(7, 2, vec![7])).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "86400");
    assert_eq!(kez_store::conversations::Limits::default().starter_bytes, 64 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_kept_for_ninety_days() {
    let server = Server::talking(&[1], &[7, 8, 9]).await;
    for hour in 0..2 {
        for epoch in hour * 50 + 1..=hour * 50 + 50 {
            server.commit(&commit(7, epoch, 0)).await.begins(201, epoch + 1);
        }
        server.clock.advance(3_600);
    }
    server.commit(&commit(8, 1, 0)).await.begins(201, 2);
    server.clock.advance(60 * 86_400);
    server.commit(&commit(7, 101, 0)).await.begins(201, 102);
    server.clock.advance(31 * 86_400);
    server.commit(&commit(9, 1, 0)).await.begins(201, 2);
    let answer = server.post(LOG, part(7, 0, 100)).await;
    assert_eq!(answer.epochs(), (38..=101).collect::<Vec<u64>>(), "the last 64 of what goes on");
    assert_eq!(answer.json()["oldest"], 38);
    assert_eq!(answer.json()["oldest_gate"], super::digits(super::gate_hash(7, 38)));
    let silent = server.log(8).await;
    assert_eq!((&silent["commits"], &silent["oldest"], &silent["epoch"]), (&json!([]), &json!(2), &json!(2)));
    assert_eq!((&silent["gate"], &silent["oldest_gate"]), (&silent["oldest_gate"], &silent["gate"]));
    server.commit(&commit(8, 1, 0)).await.is_late(2);
    server.commit(&commit(8, 2, 0)).await.begins(201, 3);
    server.begin(8, &key(1)).await.was(200);
}

/// Each commit is nearly a hundred kilobytes of memory while it is read.
#[tokio::test(flavor = "multi_thread")]
async fn slow_commits_take_little_memory() {
    let limits = ConversationLimits { at_once: 6, at_once_each: 4, ..ConversationLimits::default() };
    let flags = ["--trusted-proxies", "127.0.0.0/8", "--writes-per-minute", "1000"];
    let server = Server::start_limited(Limits { conversations: limits, ..Limits::default() }, &flags).await;
    server.register("tudisco", &key(1)).await;
    server.begin(7, &key(1)).await.was(201);
    let good = commit(7, 1, 0).to_json();
    let ask = async |client: &str| -> Answer {
        server.send(Method::POST, COMMITS, &[JSON, ("x-forwarded-for", client)], good.clone()).await
    };
    let mut slow = Vec::new();
    let address = server.base.trim_start_matches("http://").to_owned();
    for number in 0..6 {
        let client = if number < 4 { "198.51.100.1" } else { "198.51.100.2" };
        let mut connection = TcpStream::connect(&address).await.expect("a connection");
        let head = format!(
            "POST {COMMITS} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\ncontent-type: application/json\r\n\
             content-length: 98304\r\nexpect: 100-continue\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.expect("it is sent");
        // The server asks for the body once it has a place.
        let mut asked = [0; 25];
        let read = connection.read_exact(&mut asked);
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("in time").expect("an interim answer");
        assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
        slow.push(connection);
        if number == 3 {
            ask("198.51.100.1").await.is(429, "rate_limited");
            ask("198.51.100.3").await.begins(201, 2);
        }
    }
    ask("198.51.100.3").await.is(503, "unavailable");
    drop(slow);
    until_not(503, || ask("198.51.100.3")).await.begins(200, 2);
}

/// Each large answer is a megabyte of memory until it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads_take_little_memory() {
    let limits = ConversationLimits { logs_at_once: 6, logs_at_once_each: 4, ..ConversationLimits::default() };
    let flags = ["--trusted-proxies", "127.0.0.0/8", "--writes-per-minute", "1000"];
    let server = Server::start_limited(Limits { conversations: limits, ..Limits::default() }, &flags).await;
    server.register("tudisco", &key(1)).await;
    for conversation in [7, 8] {
        server.begin(conversation, &key(1)).await.was(201);
    }
    // More than a connection holds on its way.
    fill(&server, 7, 1..=20).await;
    let body = part(7, 0, 100);
    let ask = async |client: &str| -> Answer {
        server.send(Method::POST, LOG, &[JSON, ("x-forwarded-for", client)], body.clone()).await
    };
    let mut slow = Vec::new();
    for number in 0..6 {
        let client = if number < 4 { "198.51.100.1" } else { "198.51.100.2" };
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("it is small");
        let address = server.base.trim_start_matches("http://").parse().expect("an address");
        let mut connection = socket.connect(address).await.expect("a connection");
        let head = format!(
            "POST {LOG} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(&[head.as_bytes(), &body].concat()).await.expect("it is sent");
        let mut begun = [0; 12];
        let read = connection.read_exact(&mut begun);
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("in time").expect("the answer begins");
        assert_eq!(&begun, b"HTTP/1.1 200");
        slow.push(connection);
        if number == 3 {
            ask("198.51.100.1").await.is(429, "rate_limited");
            ask("198.51.100.3").await.was(200);
        }
    }
    ask("198.51.100.3").await.is(503, "unavailable");
    let small = server.send(Method::POST, LOG, &[JSON, ("x-forwarded-for", "198.51.100.1")], part(8, 0, 100)).await;
    small.was(200);
    drop(slow);
    assert_eq!(until_not(503, || ask("198.51.100.3")).await.epochs().len(), 11);
}

/// Asks until it is answered otherwise.
async fn until_not(status: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let mut answer = ask().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while answer.status == status && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = ask().await;
    }
    answer
}

/// A log is read, though by POST: it is counted as what reads is.
#[tokio::test(flavor = "multi_thread")]
async fn reading_logs_is_no_writing() {
    let flags = ["--trusted-proxies", "127.0.0.0/8", "--writes-per-minute", "4", "--reads-per-second", "50"];
    let server = Server::start_with(&flags).await;
    server.register("tudisco", &key(1)).await;
    server.begin(7, &key(1)).await.was(201);
    let post = async |path: &str, body: Vec<u8>| {
        server.send(Method::POST, path, &[JSON, ("x-forwarded-for", "198.51.100.1")], body).await
    };
    for _ in 0..40 {
        post(LOG, part(7, 0, 1)).await.was(200);
    }
    post(COMMITS, commit(7, 1, 0).to_json()).await.begins(201, 2);
    post("/v1/conversations", start(8, &key(1), server.clock.now()).sign(&key(1))).await.was(201);
    post(COMMITS, commit(7, 2, 0).to_json()).await.is(429, "rate_limited");
}
