//! What a log shows, and to whom.

use kez_chat_server::clock::Clock as _;
use serde_json::json;

use super::{LOG, commit, commit_of, digits, gate_hash, id, part};
use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_in_parts() {
    let server = Server::talking(&[1], &[7]).await;
    server.post(LOG, part(9, 0, 100)).await.is(404, "not_found");
    let fresh = server.log(7).await;
    let gate = digits(gate_hash(7, 1));
    let started_at = server.clock.now();
    let expected = json!({
        "commits": [], "epoch": 1, "gate": gate, "oldest": 1, "oldest_gate": gate, "started_at": started_at,
    });
    assert_eq!(fresh, expected);
    for epoch in 1..=8 {
        server.commit(&commit(7, epoch, 0)).await.begins(201, epoch + 1);
    }
    for (after, limit, expected) in [
        (0, 100, (1..=8).collect::<Vec<u64>>()),
        (0, 3, vec![1, 2, 3]),
        (3, 3, vec![4, 5, 6]),
        (6, 3, vec![7, 8]),
        (7, 1, vec![8]),
        (8, 100, vec![]),
        ((1 << 53) - 1, 100, vec![]),
    ] {
        let answer = server.post(LOG, part(7, after, limit)).await;
        assert_eq!(answer.epochs(), expected, "after {after}");
        assert_eq!(answer.json()["epoch"], 9);
    }
    let after = server.post(LOG, json!({ "conversation": id(7), "after": 6 }).to_string()).await;
    assert_eq!(after.epochs(), [7, 8]);
    let limit = server.post(LOG, json!({ "limit": 2, "conversation": id(7) }).to_string()).await;
    assert_eq!(limit.epochs(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_a_mebibyte_at_most() {
    let server = Server::talking(&[1], &[7]).await;
    for epoch in 1..=24_u64 {
        let mut bytes = vec![7; 65_536];
        bytes[..8].copy_from_slice(&epoch.to_be_bytes());
        server.commit(&commit_of(7, epoch, bytes)).await.begins(201, epoch + 1);
    }
    for epoch in 25..=60 {
        server.commit(&commit(7, epoch, 0)).await.begins(201, epoch + 1);
    }
    let (mut after, mut answers) = (0, Vec::new());
    while after < 60 {
        let answer = server.post(LOG, part(7, after, 100)).await;
        let epochs = answer.epochs();
        assert!(answer.bytes.len() <= 1 << 20, "{}", answer.bytes.len());
        assert_eq!(epochs.first(), Some(&(after + 1)), "at least one, and none is left out");
        after = *epochs.last().expect("there is one");
        answers.push(epochs.len());
    }
    // Eleven of the largest are all that fits.
    assert_eq!(answers, [11, 11, 38]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_for_who_knows_the_id_and_is_kept_nowhere() {
    let server = Server::talking(&[1], &[7]).await;
    server.commit(&commit(7, 1, 0)).await.begins(201, 2);
    let answer = server.post(LOG, part(7, 0, 100)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    for path in [format!("{LOG}/{}", id(7)), format!("/v1/conversations/{}", id(7))] {
        server.get(&path).await.is(404, "not_found");
    }
    server.get(LOG).await.is(405, "method_not_allowed");
    // No refusal repeats what was asked for.
    for answer in [
        server.post(LOG, part(0xC1, 0, 100)).await,
        server.commit(&commit(0xC1, 1, 0)).await,
        server.commit(&commit(7, 9, 0)).await,
        server.begin(7, &key(99)).await,
        server.post(LOG, json!({ "conversation": id(7), "more": 1 }).to_string()).await,
        server.post(LOG, json!({ "conversation": id(7).to_uppercase() + "x" }).to_string()).await,
    ] {
        let text = String::from_utf8_lossy(&answer.bytes).to_lowercase();
        assert!(answer.status >= 400 && !text.contains(&id(7)) && !text.contains(&id(0xC1)), "{text}");
    }
}
