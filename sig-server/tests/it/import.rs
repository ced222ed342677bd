//! Logs from another server: signatures are believed, times are not.

use kez_core::canonical::Json;
use kez_core::sigchain::{Audit, Body, RevokeReason};
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

#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_home_of_a_chain_took_is_brought_to_the_old_one() {
    let (old, new) = (Server::start().await, elsewhere().await);
    let mut owner = Owner::start(&old, 1).await;
    let event = owner.device(&key(3));
    owner.post(&old, event).await.ok(201);
    let at_home = old.get(&owner.path("/audit")).await.bytes;
    let event = owner.moved(NAME, ELSEWHERE);
    owner.post(&old, event).await.ok(201);
    let audit = old.get(&owner.path("/audit")).await.bytes;
    new.put(&owner.path(""), audit.clone()).await.ok(201);
    let event = owner.sign(
        &owner.chain.next(),
        &Body::RevokeKey { key: key(3).id(), reason: RevokeReason::Compromised },
        &owner.identity,
    );
    owner.post(&new, event.clone()).await.ok(201);
    // By itself the event goes where the chain lives, and nowhere else.
    old.post(&owner.path("/events"), event).await.is(400, "invalid_event", "wrong-server");
    let longer = new.get(&owner.path("/audit")).await.bytes;
    let answer = old.put(&owner.path(""), longer.clone()).await.ok(201);
    assert_eq!(answer, json!({ "head": { "seq": 4, "hash": owner.head() }, "stored": 1 }));
    let state = old.get(&owner.path("/state")).await.ok(200);
    assert_eq!((&state["devices"], &state["server"]), (&json!({}), &json!(ELSEWHERE)));
    assert_eq!(old.put(&owner.path(""), longer.clone()).await.ok(200)["stored"], 0);
    for shorter in [audit, at_home] {
        old.put(&owner.path(""), shorter).await.is(409, "chain_conflict", "");
    }
    // A server that the chain never lived at is not concerned.
    let third = Server::start_with(&[&OPEN[..], &["--server", "third.test"]].concat()).await;
    let answer = third.put(&owner.path(""), longer).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("wrong-server")));
    // The recovery key undoes the move, and everything behind it.
    let place = owner.chain.after(1).expect("the genesis is there");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery], &owner.recovery);
    owner.post(&old, fork).await.ok(201);
    assert_eq!(old.get(&owner.path("/state")).await.ok(200)["server"], NAME);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_any_spelling_and_an_event_of_every_depth() {
    let (from, to) = (elsewhere().await, Server::start().await);
    let mut owner = Owner::new(1);
    let genesis = owner.genesis(ELSEWHERE);
    owner.post(&from, genesis).await.ok(201);
    // The event nests sixteen levels, of which the text within takes thirteen; the log has three more around it.
    let deep = (0..12).fold(Json::Array(Vec::new()), |inner, _| Json::Array(vec![inner]));
    let body = Body::Unlisted { name: "note".into(), critical: Some(false), body: [("deep".to_owned(), deep)].into() };
    let event = owner.sign(&owner.chain.next(), &body, &owner.identity);
    owner.post(&from, event).await.ok(201);
    let event = owner.moved(ELSEWHERE, NAME);
    owner.post(&from, event).await.ok(201);
    let audit = from.get(&owner.path("/audit")).await;
    let entries = &audit.ok(200)["entries"];
    // Other members, another order, more space.
    let spelt = format!(
        "\n{{ \"note\" : [[1.5]], \"entries\": {}, \"chain\" : \"\\u0065d25519:{}\" }} ",
        serde_json::to_string_pretty(entries).expect("JSON"),
        owner.chain.id().hex()
    );
    assert_eq!(to.put(&owner.path(""), spelt).await.ok(201)["stored"], 3);
    let verified = Audit::parse(&to.get(&owner.path("/audit")).await.bytes).expect("an audit").verify();
    assert_eq!(verified.expect("a good log").head(), owner.chain.head());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hands_in_a_log_who_may_not_start_a_chain() {
    let (from, to) = (elsewhere().await, Server::start_with(&["--open-genesis-per-hour", "1"]).await);
    let (first, audit) = moved(&from, 1).await;
    let (second, other) = moved(&from, 11).await;
    // What does not verify takes no place.
    to.put(&second.path(""), "{}").await.is(400, "invalid_event", "bad-envelope");
    to.put(&first.path(""), audit.to_string()).await.ok(201);
    for body in [other.to_string(), "{".to_owned(), String::new()] {
        to.put(&second.path(""), body).await.is(403, "key_not_authorised", "key-not-authorised");
    }
    // A chain that is here goes on.
    assert_eq!(to.put(&first.path(""), audit.to_string()).await.ok(200)["stored"], 0);
    to.put(&first.path(""), "{").await.is(400, "malformed_json", "");
    to.clock.advance(3_600);
    to.put(&second.path(""), other.to_string()).await.ok(201);
}
