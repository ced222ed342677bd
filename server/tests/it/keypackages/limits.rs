//! Nobody has, sends or gets more than is good for the others.

use std::time::Duration;

use kez_chat_server::clock::Clock as _;
use kez_chat_server::limits::{KeyPackageLimits, Limits};
use kez_core::key_packages::Upload;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{PATH, package, packages, upload};
use crate::harness::{Answer, Server, key};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread")]
async fn a_device_has_a_hundred_packages() {
    let server = Server::with(&[1, 2]).await;
    let (chain, now) = (key(1).id(), server.clock.now());
    for upload in 0..8 {
        server.put(&key(1), chain, upload * 12..(upload + 1) * 12).await.was(201);
    }
    let five = Upload { last_resort: Some(package(99)), ..packages(chain, now, 200..205) };
    server.post(PATH, five.sign(&key(1))).await.is(409, "too_many_key_packages");
    server.put(&key(1), chain, 200..204).await.has(201, chain, 100, false);
    server.put(&key(1), chain, [300]).await.is(409, "too_many_key_packages");
    server.put(&key(1), chain, 0..12).await.has(201, chain, 100, false);
    let replace = Upload { replace: true, ..packages(chain, now, 300..312) };
    server.post(PATH, replace.sign(&key(1))).await.has(201, chain, 12, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_uploads_sixty_times_an_hour() {
    let server = Server::with(&[1, 2]).await;
    let (chain, first) = (key(1).id(), upload(key(1).id(), server.clock.now()).sign(&key(1)));
    server.post(PATH, first.clone()).await.was(201);
    server.clock.advance(10);
    for _ in 1..60 {
        server.put(&key(1), chain, []).await.was(201);
    }
    let refused = server.put(&key(1), chain, [1]).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3590");
    server.post(PATH, first).await.was(200);
    server.put(&key(2), key(2).id(), [1]).await.was(201);
    server.clock.advance(3_590);
    server.put(&key(1), chain, [1]).await.has(201, chain, 1, false);
    server.put(&key(1), chain, [2]).await.is(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_claims_120_times_an_hour() {
    let server = Server::with(&[1, 2]).await;
    let (alice, bob) = (key(1).id(), key(2).id());
    for _ in 0..120 {
        server.claim(&key(2), bob, alice).await.was(200);
    }
    let refused = server.claim(&key(2), bob, alice).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    server.claim(&key(2), bob, key(9).id()).await.is(404, "not_found");
    server.claim(&key(9), bob, alice).await.is(403, "key_not_authorised");
    server.claim(&key(1), alice, bob).await.was(200);
    server.clock.advance(3_600);
    server.claim(&key(2), bob, alice).await.was(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_empties_anothers_device() {
    let server = Server::with(&[1, 2, 3]).await;
    let (alice, now) = (key(1).id(), server.clock.now());
    let twelve = Upload { last_resort: Some(package(99)), ..packages(alice, now, 0..12) };
    server.post(PATH, twelve.sign(&key(1))).await.was(201);
    for expected in [(0, false), (1, false), (2, false), (3, false), (99, true), (99, true)] {
        assert_eq!(server.claim(&key(2), key(2).id(), alice).await.given().0, [expected]);
    }
    assert_eq!(server.claim(&key(3), key(3).id(), alice).await.given().0, [(4, false)], "others are others");
    let replace = Upload { replace: true, ..packages(alice, now, 20..22) };
    server.post(PATH, replace.sign(&key(1))).await.was(201);
    assert_eq!(server.claim(&key(2), key(2).id(), alice).await.given(), (vec![], vec![json!(alice)]), "missing");
    server.clock.advance(86_400);
    assert_eq!(server.claim(&key(2), key(2).id(), alice).await.given().0, [(20, false)], "another day");
}

/// Bodies of eighty kilobytes that come slowly would fill the memory from a few thousand connections.
#[tokio::test(flavor = "multi_thread")]
async fn slow_uploads_take_little_memory() {
    let limits = KeyPackageLimits { at_once: 6, at_once_each: 4, ..KeyPackageLimits::default() };
    let flags = ["--trusted-proxies", "127.0.0.0/8", "--writes-per-minute", "1000"];
    let server = Server::start_limited(Limits { key_packages: limits, ..Limits::default() }, &flags).await;
    server.register("tudisco", &key(1)).await;
    let good = upload(key(1).id(), server.clock.now()).sign(&key(1));
    let ask = async |client: &str| -> Answer {
        server.send(Method::POST, PATH, &[JSON, ("x-forwarded-for", client)], good.clone()).await
    };
    let mut slow = Vec::new();
    let address = server.base.trim_start_matches("http://").to_owned();
    for number in 0..6 {
        let client = if number < 4 { "198.51.100.1" } else { "198.51.100.2" };
        let mut connection = TcpStream::connect(&address).await.expect("a connection");
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\ncontent-type: application/json\r\n\
             content-length: 81920\r\nexpect: 100-continue\r\n\r\n"
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
            ask("198.51.100.3").await.was(201);
        }
    }
    ask("198.51.100.3").await.is(503, "unavailable");
    drop(slow);
    let mut answer = ask("198.51.100.3").await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while answer.status == 503 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = ask("198.51.100.3").await;
    }
    answer.was(200);
}
