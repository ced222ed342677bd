//! Logs from another server: signatures are believed, times are not.

use serde_json::{Value, json};

use crate::harness::{NAME, OPEN, Server, key};
use crate::owner::Owner;

const ELSEWHERE: &str = "elsewhere.test";

async fn elsewhere() -> Server {
    Server::start_with(&[&OPEN[..], &["--server", ELSEWHERE]].concat()).await
}

/// A chain that began elsewhere and moved here, with its audit log.
async fn moved(from: &Server, seed: u8) -> (Owner, Value) {
    let mut owner = Owner::new(seed);
    let genesis = owner.genesis(ELSEWHERE);
    owner.post(from, genesis).await.ok(201);
    let event = owner.claim("a.example", &key(seed));
    owner.post(from, event).await.ok(201);
    let event = owner.moved(ELSEWHERE, NAME);
    owner.post(from, event).await.ok(201);
    let audit = from.get(&owner.path("/audit")).await.ok(200);
    (owner, audit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_chain_is_taken_over_with_the_importers_times() {
    let (from, to) = (elsewhere().await, Server::start().await);
    let (mut owner, audit) = moved(&from, 1).await;
    to.clock.advance(86_400);
    let answer = to.put(&owner.path(""), audit.to_string()).await.ok(201);
    assert_eq!(answer, json!({ "head": { "seq": 3, "hash": owner.head() }, "stored": 3 }));
    let here = to.get(&owner.path("/audit")).await.ok(200);
    for n in 0..3 {
        assert_eq!(here["entries"][n]["event"], audit["entries"][n]["event"]);
        assert_eq!(here["entries"][n]["received_at"], "2026-05-26T03:00:00Z");
        assert_eq!(here["entries"][n]["receipt"]["payload"]["server"], NAME);
    }
    let again = to.put(&owner.path(""), audit.to_string()).await.ok(200);
    assert_eq!(again["stored"], 0);
    let event = owner.claim("b.example", &key(1));
    owner.post(&to, event).await.ok(201);
    // Now the log that was imported is shorter than the one here.
    let answer = to.put(&owner.path(""), audit.to_string()).await;
    answer.is(409, "chain_conflict", "");
    assert_eq!(answer.json()["head"]["seq"], 4);
    let longer = to.get(&owner.path("/audit")).await.ok(200);
    assert_eq!(to.put(&owner.path(""), longer.to_string()).await.ok(200)["stored"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_trusted_keys_say_when() {
    let from = elsewhere().await;
    let (owner, audit) = moved(&from, 1).await;
    let key = from.get("/v1/server").await.ok(200)["receipt_key"].as_str().expect("a key").to_owned();
    let to = Server::start_with(&[&OPEN[..], &["--trusted-receipt-keys", &key]].concat()).await;
    to.clock.advance(86_400);
    let mut some = audit.clone();
    some["entries"][2].as_object_mut().expect("an entry").remove("receipt");
    to.put(&owner.path(""), some.to_string()).await.ok(201);
    let here = to.get(&owner.path("/audit")).await.ok(200);
    let times: Vec<_> = (0..3).map(|n| here["entries"][n]["received_at"].as_str().expect("a time")).collect();
    assert_eq!(times, ["2026-05-25T03:00:00Z", "2026-05-25T03:00:00Z", "2026-05-26T03:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_verify_or_does_not_belong_here() {
    let (from, to) = (elsewhere().await, Server::start().await);
    let (owner, audit) = moved(&from, 1).await;
    let refuse = async |audit: &Value, reason: &str, index: usize| {
        let answer = to.put(&owner.path(""), audit.to_string()).await;
        answer.is(400, "invalid_event", reason);
        assert_eq!(answer.json()["index"], index);
    };
    let mut tampered = audit.clone();
    tampered["entries"][1]["event"]["payload"]["body"]["claim"]["subject"] = json!("evil.example");
    refuse(&tampered, "bad-signature", 1).await;
    let mut late = audit.clone();
    late["entries"][0]["received_at"] = json!("2026-05-25T04:00:00Z");
    refuse(&late, "bad-received-at", 1).await;
    let mut not_moved = audit.clone();
    not_moved["entries"].as_array_mut().expect("a list").truncate(2);
    refuse(&not_moved, "wrong-server", 1).await;
    let mut other = audit.clone();
    other["chain"] = json!(key(9).id());
    refuse(&other, "wrong-chain", 0).await;
    refuse(&json!({ "chain": owner.chain.id(), "entries": [] }), "bad-genesis", 0).await;
    to.put(&owner.path(""), "{}").await.is(400, "invalid_event", "bad-envelope");
    to.put(&owner.path(""), "{").await.is(400, "malformed_json", "");
    to.get(&owner.path("/head")).await.is(404, "not_found", "");

    let url = crate::gate::registry(String::new(), String::new()).await;
    let closed = Server::start_with(&["--registry-url", &url]).await;
    let answer = closed.put(&owner.path(""), audit.to_string()).await;
    answer.is(403, "key_not_authorised", "key-not-authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_of_the_same_chain_is_a_conflict() {
    let (from, to) = (elsewhere().await, Server::start().await);
    let mut owner = Owner::start(&to, 1).await;
    let event = owner.claim("a.example", &key(1));
    owner.post(&to, event).await.ok(201);
    let (_, audit) = moved(&from, 1).await;
    to.put(&owner.path(""), audit.to_string()).await.is(409, "chain_conflict", "");
}
