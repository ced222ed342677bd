//! Every way to be refused over HTTP.

use kez_core::sigchain::Body;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{NAME, Server, key};
use crate::owner::{Owner, claim};

#[tokio::test(flavor = "multi_thread")]
async fn bodies() {
    let server = Server::start().await;
    let owner = Owner::start(&server, 1).await;
    let path = owner.path("/events");
    server.post(&path, "{").await.is(400, "malformed_json", "");
    server.post(&path, r#"{"kez":1,"kez":1}"#).await.is(400, "malformed_json", "");
    server.post(&path, "[".repeat(17) + &"]".repeat(17)).await.is(400, "malformed_json", "");
    server.post(&path, "[]").await.is(400, "invalid_event", "bad-envelope");
    server.post(&path, vec![b' '; 16 * 1024 + 1]).await.is(413, "payload_too_large", "too-large");
    let event = owner.claim("a.example", &key(1));
    for headers in [vec![], vec![("content-type", "text/plain")]] {
        let answer = server.send(Method::POST, &path, &headers, event.clone()).await;
        answer.is(415, "unsupported_media_type", "");
    }
    let big = Body::Unlisted {
        name: "note".into(),
        critical: Some(false),
        body: [("text".to_owned(), kez_core::canonical::Json::String("x".repeat(8_192)))].into(),
    };
    let big = owner.sign(&owner.chain.next(), &big, &owner.identity);
    server.post(&path, big).await.is(413, "payload_too_large", "too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let device = key(5);
    let event = owner.device(&device);
    owner.post(&server, event).await.ok(201);
    let good: Value = serde_json::from_slice(&owner.claim("a.example", &key(1))).expect("JSON");
    let path = owner.path("/events");
    for (pointer, value, reason) in [
        ("/payload/version", json!(2), "bad-envelope"),
        ("/payload/seq", json!(3.5), "bad-envelope"),
        ("/note", json!(1), "unknown-member"),
        ("/payload/chain", json!(key(9).id()), "wrong-chain"),
        ("/signature/alg", json!("none"), "bad-alg"),
        ("/signature/key", json!("ed25519:"), "bad-key-encoding"),
        ("/signature/sig", json!("00"), "bad-sig-encoding"),
        ("/signature/sig", json!("f".repeat(128)), "non-canonical-s"),
        ("/signature/sig", json!("0".repeat(128)), "bad-signature"),
    ] {
        let mut event = good.clone();
        match event.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => event["note"] = value,
        }
        server.post(&path, event.to_string()).await.is(400, "invalid_event", reason);
    }
    let next = owner.chain.next();
    let other_server =
        Body::ServerMove { from: "other.test".parse().expect("a name"), to: "b.test".parse().expect("a name") };
    for (event, status, code, reason) in [
        (owner.sign(&next, &other_server, &owner.identity), 400, "invalid_event", "wrong-server"),
        (
            owner.sign(&next, &Body::Deactivate { reason: None }, &device),
            403,
            "key_not_authorised",
            "key-not-authorised",
        ),
        (
            owner.sign(&owner.chain.after(1).expect("it is there"), &claim("a"), &owner.identity),
            409,
            "chain_conflict",
            "fork-not-rotation",
        ),
        (owner.device(&device), 400, "invalid_event", "key-reuse"),
        (Owner::new(1).genesis(NAME).into_iter().collect(), 200, "", ""),
    ] {
        let answer = server.post(&path, event).await;
        if status == 200 {
            assert_eq!(answer.status, 200, "the genesis again");
        } else {
            answer.is(status, code, reason);
        }
    }
    let mut stale = next;
    stale.prev = Some(kez_core::Hash::of(b"nothing"));
    let answer = server.post(&path, owner.sign(&stale, &claim("a"), &owner.identity)).await;
    answer.is(409, "chain_conflict", "stale-prev");
    assert_eq!(answer.json()["head"], json!({ "seq": 2, "hash": owner.head() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chains_event_and_a_chain_without_genesis() {
    let server = Server::start().await;
    let owner = Owner::start(&server, 1).await;
    let other = Owner::start(&server, 11).await;
    server.post(&owner.path("/events"), other.claim("a", &key(11))).await.is(400, "invalid_event", "wrong-chain");
    let nobody = Owner::new(21);
    let event = nobody.sign(&nobody.chain.next(), &claim("a"), &nobody.identity);
    server.post(&nobody.path("/events"), event).await.is(400, "invalid_event", "bad-genesis");
    server.post("/v1/sigchains/ed25519/zz/events", "{}").await.is(404, "not_found", "");
}
