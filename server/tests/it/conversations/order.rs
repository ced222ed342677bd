//! One commit ends an epoch, whoever comes first.

use serde_json::json;

use super::{PATH, commit, commit_of, digits, gate, gate_hash, id, start};
use crate::chains::owner::Owner;
use crate::harness::{Server, key};
use kez_chat_server::clock::Clock as _;
use kez_core::commit_order::NewCommit;
use kez_core::conversation_start::Start;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_by_commits() {
    let server = Server::talking(&[1], &[]).await;
    let started = server.begin(7, &key(1)).await;
    started.was(201);
    assert_eq!(started.json(), json!({ "conversation": id(7), "epoch": 1 }));
    let began_at = server.clock.now();
    server.clock.advance(60);
    server.commit(&commit(7, 1, 0)).await.begins(201, 2);
    server.commit(&commit(7, 1, 1)).await.is_late(2);
    server.commit(&commit(7, 2, 0)).await.begins(201, 3);
    let log = server.log(7).await;
    let entry = |epoch: u64, text: &str| json!({ "epoch": epoch, "commit": text, "next_gate": digits(gate_hash(7, epoch + 1)), "received_at": server.clock.now() });
    let expected = json!({
        "commits": [entry(1, "Y29tbWl0IDAgb2YgMQ"), entry(2, "Y29tbWl0IDAgb2YgMg")],
        "epoch": 3, "gate": digits(gate_hash(7, 3)), "oldest": 1, "oldest_gate": digits(gate_hash(7, 1)),
        "started_at": began_at,
    });
    assert_eq!(log, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_in_the_log_is_known_at_any_epoch() {
    let server = Server::talking(&[1], &[7, 8]).await;
    for epoch in 1..5 {
        server.commit(&commit(7, epoch, 0)).await.begins(201, epoch + 1);
    }
    for epoch in 1..5 {
        server.commit(&commit(7, epoch, 0)).await.begins(200, epoch + 1);
        // By its bytes alone: neither the epoch nor the gates that come with it are looked at.
        let bytes = commit(7, epoch, 0).commit;
        let other = NewCommit { commit: bytes, gate: [0; 32], next_gate: [0; 32], ..commit(7, 77, 0) };
        server.commit(&other).await.begins(200, epoch + 1);
        let elsewhere = NewCommit { conversation: [8; 16], ..commit(7, epoch, 0) };
        let answer = server.commit(&elsewhere).await;
        if epoch == 1 { answer.is(403, "not_a_member") } else { answer.is_late(1) }
    }
    assert_eq!(server.log(7).await["epoch"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_judged_in_order() {
    let server = Server::talking(&[1], &[7]).await;
    let wrong = NewCommit { gate: [0; 32], ..commit(7, 1, 0) };
    server.commit(&NewCommit { conversation: [9; 16], ..wrong.clone() }).await.is(404, "not_found");
    for epoch in [0, 2, (1 << 53) - 1] {
        server.commit(&NewCommit { epoch, ..wrong.clone() }).await.is_late(1);
        server.commit(&NewCommit { epoch, ..commit(7, 1, 0) }).await.is_late(1);
    }
    server.commit(&wrong).await.is(403, "not_a_member");
    let by_hash = NewCommit { gate: gate_hash(7, 1), ..commit(7, 1, 0) };
    server.commit(&by_hash).await.is(403, "not_a_member");
    server.commit(&commit(7, 1, 0)).await.begins(201, 2);
    let past = NewCommit { gate: gate(7, 1), ..commit(7, 2, 0) };
    server.commit(&past).await.is(403, "not_a_member");
    // What the last entry named is what the next one has to know, whoever made it.
    let branch = NewCommit { next_gate: gate_hash(99, 3), ..commit(7, 2, 0) };
    server.commit(&branch).await.begins(201, 3);
    server.commit(&commit(7, 3, 0)).await.is(403, "not_a_member");
    server.commit(&NewCommit { gate: gate(99, 3), ..commit(7, 3, 0) }).await.begins(201, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_known_by_whose_it_is_and_its_gate() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let event = owner.device(&key(5));
    owner.post(&server, &event).await.was(201);
    server.register("another", &key(30)).await;
    let (chain, now) = (owner.chain.id(), server.clock.now());
    let first = Start { from: chain, ..start(7, &key(5), now) };
    let answer = json!({ "conversation": id(7), "epoch": 1 });
    for (by, status) in [(&key(5), 201), (&key(5), 200), (&owner.identity, 200)] {
        let started = server.post(PATH, first.sign(by)).await;
        started.was(status);
        assert_eq!(started.json(), answer);
    }
    server.clock.advance(200);
    let later = Start { created_at: server.clock.now(), ..first.clone() };
    server.post(PATH, later.sign(&key(5))).await.was(200);
    let gates = Start { gate: gate_hash(7, 2), ..first.clone() };
    server.post(PATH, gates.sign(&key(5))).await.is(409, "conversation_conflict");
    server.begin(7, &key(30)).await.is(409, "conversation_conflict");
    server.commit(&commit(7, 1, 0)).await.begins(201, 2);
    let again = server.post(PATH, first.sign(&key(5))).await;
    again.was(200);
    assert_eq!(again.json(), answer, "the epoch that it began with");
    // The log says whether a start was accepted whose answer was lost.
    server.clock.advance(200);
    server.post(PATH, first.sign(&key(5))).await.is(400, "stale_timestamp");
    assert_eq!(server.log(7).await["epoch"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_commit_is_taken_whole() {
    let server = Server::talking(&[1], &[7]).await;
    let largest = commit_of(7, 1, vec![0xFB; 65_536]);
    let mut body = largest.to_json();
    body.resize(98_304, b' ');
    server.post(super::COMMITS, body.clone()).await.begins(201, 2);
    body.push(b' ');
    server.post(super::COMMITS, body).await.is(413, "payload_too_large");
    server.commit(&commit_of(7, 2, vec![1; 65_537])).await.is(400, "invalid_request");
    server.commit(&commit_of(7, 2, vec![])).await.is(400, "invalid_request");
    server.commit(&commit_of(7, 2, vec![1])).await.begins(201, 3);
    let text = server.log(7).await["commits"][0]["commit"].as_str().expect("a text").to_owned();
    assert_eq!(text, "-_v7".repeat(21_845) + "-w");
}
