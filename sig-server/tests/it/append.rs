//! Events that are taken, and what the answer says.

use kez_core::Hash;
use kez_core::receipt::Receipt;
use reqwest::Method;
use serde_json::Value;

use crate::harness::{NAME, Server, key, name};
use crate::owner::{Owner, claim};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_answered_with_a_receipt() {
    let server = Server::start().await;
    let mut owner = Owner::new(1);
    let genesis = owner.genesis(NAME);
    let answer = owner.post(&server, genesis.clone()).await;
    let body = answer.ok(201);
    assert_eq!((&body["hash"], &body["seq"]), (&Value::from(Hash::of(&genesis).to_string()), &1.into()));
    assert_eq!(answer.header("etag"), format!("\"{}\"", owner.head()));
    let (receipt, signer) = Receipt::verify(body["receipt"].to_string().as_bytes()).expect("a receipt");
    let info = server.get("/v1/server").await.ok(200);
    assert_eq!(info["receipt_key"], signer.to_string());
    assert_eq!(info["previous_receipt_keys"], serde_json::json!([]));
    let expected = Receipt {
        chain: owner.chain.id(),
        seq: 1,
        hash: Hash::of(&genesis),
        received_at: "2026-05-25T03:00:00Z".parse().expect("a time"),
        log_index: 1,
        server: name(NAME),
    };
    assert_eq!(receipt, expected);

    server.clock.advance(60);
    let event = owner.claim("a.example", &key(1));
    let body = owner.post(&server, event).await.ok(201);
    let (receipt, _) = Receipt::verify(body["receipt"].to_string().as_bytes()).expect("a receipt");
    assert_eq!(
        (receipt.log_index, receipt.seq, receipt.received_at.to_string()),
        (2, 2, "2026-05-25T03:01:00Z".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_again_in_any_spelling_gets_the_first_answer() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let event = owner.claim("a.example", &key(1));
    let first = owner.post(&server, event.clone()).await.ok(201);
    let later = owner.claim("b.example", &key(1));
    owner.post(&server, later).await.ok(201);
    server.clock.advance(1_000);
    let parsed: Value = serde_json::from_slice(&event).expect("JSON");
    let spelt = serde_json::to_vec_pretty(&parsed).expect("JSON");
    for body in [event, spelt] {
        // The head in If-Match is long gone, which an answer that was lost has to survive.
        let headers = [("content-type", "application/json"), ("if-match", "\"sha256:00\"")];
        let again = server.send(Method::POST, &owner.path("/events"), &headers, body).await;
        assert_eq!(again.ok(200), first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_is_the_head() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let old = owner.head();
    let event = owner.claim("a.example", &key(1));
    let post = async |event: &[u8], tag: &str| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        server.send(Method::POST, &owner.path("/events"), &headers, event.to_vec()).await
    };
    post(&event, "\"nonsense\"").await.is(409, "chain_conflict", "stale-prev");
    post(&event, &format!("W/\"{old}\"")).await.is(409, "chain_conflict", "stale-prev");
    post(&event, &format!("\"sha256:00\", \"{old}\"")).await.ok(201);
    owner.saw(&event);
    // A fork is good in itself, but not for somebody who believes in another head.
    let place = owner.chain.after(1).expect("the genesis is there");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery], &owner.recovery);
    let headers = [("content-type", "application/json"), ("if-match", &*format!("\"{old}\""))];
    let answer = server.send(Method::POST, &owner.path("/events"), &headers, fork.clone()).await;
    answer.is(409, "chain_conflict", "stale-prev");
    assert_eq!(answer.json()["head"], serde_json::json!({ "seq": 2, "hash": owner.head() }));
    let headers = [("content-type", "application/json"), ("if-match", &*format!("\"{}\"", owner.head()))];
    server.send(Method::POST, &owner.path("/events"), &headers, fork).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_never_go_back_and_a_clock_far_behind_stops_appends() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    server.clock.advance(-300);
    let event = owner.claim("a.example", &key(1));
    let body = owner.post(&server, event).await.ok(201);
    assert_eq!(body["receipt"]["payload"]["received_at"], "2026-05-25T03:00:00Z");
    assert_eq!(server.get("/v1/readyz").await.ok(200)["checks"]["clock"], "ok");
    server.clock.advance(-1);
    let event = owner.claim("b.example", &key(1));
    owner.post(&server, event.clone()).await.is(503, "unavailable", "");
    let ready = server.get("/v1/readyz").await;
    ready.is(503, "unavailable", "");
    assert_eq!(ready.json()["checks"], serde_json::json!({ "database": "ok", "clock": "behind" }));
    assert_eq!(server.get(&owner.path("/head")).await.ok(200)["seq"], 2, "reading goes on");
    server.clock.advance(2);
    owner.post(&server, event).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_chains_that_live_here_take_events() {
    let server = Server::start().await;
    let stranger = Owner::new(10);
    let genesis = stranger.genesis("elsewhere.test");
    server.post(&stranger.path("/events"), genesis).await.is(400, "invalid_event", "wrong-server");
    let mut owner = Owner::start(&server, 1).await;
    let event = owner.moved(NAME, "elsewhere.test");
    owner.post(&server, event).await.ok(201);
    let event = owner.claim("a.example", &key(1));
    owner.post(&server, event).await.is(400, "invalid_event", "wrong-server");
    let event = owner.moved("elsewhere.test", NAME);
    owner.post(&server, event).await.is(400, "invalid_event", "wrong-server");
    // The one way back: a recovery that displaces the move.
    let place = owner.chain.after(1).expect("the genesis is there");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery], &owner.recovery);
    owner.post(&server, fork).await.ok(201);
    let event = owner.claim("a.example", &key(4));
    owner.post(&server, event).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let event = owner.claim("a.example", &key(1));
    owner.post(&server, event).await.ok(201);
    let before = server.get(&owner.path("/audit")).await.bytes;
    let info = server.get("/v1/server").await.ok(200);
    let folder = server.stop().await;
    let server = Server::start_in(folder, &[]).await;
    assert_eq!(server.get(&owner.path("/audit")).await.bytes, before);
    assert_eq!(server.get("/v1/server").await.ok(200)["receipt_key"], info["receipt_key"]);
    let event = owner.sign(&owner.chain.next(), &claim("b.example"), &owner.identity);
    owner.post(&server, event).await.ok(201);
}
