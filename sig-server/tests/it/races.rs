//! Many writers at once: exactly one event stands behind each head.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::harness::{Server, key};
use crate::owner::Owner;

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_many_wins() {
    let server = Arc::new(Server::start().await);
    let owner = Arc::new(Owner::start(&server, 1).await);
    for _ in 0..3 {
        let head = server.get(&owner.path("/head")).await.ok(200);
        let view = {
            let mut view = Owner::new(1);
            for seq in 1..=head["seq"].as_u64().expect("a number") {
                view.saw(&server.get(&owner.path(&format!("/events/{seq}"))).await.bytes);
            }
            view
        };
        let posts: Vec<_> = (0..16)
            .map(|n| {
                let (server, path) = (server.clone(), owner.path("/events"));
                let event = view.claim(&format!("{n}.example"), &key(1));
                tokio::spawn(async move { server.post(&path, event).await })
            })
            .collect();
        let mut winner = None;
        let mut losers = Vec::new();
        for post in posts {
            let answer = post.await.expect("no panic");
            if answer.status == 201 {
                assert!(winner.replace(answer.json()).is_none(), "one wins");
            } else {
                losers.push(answer);
            }
        }
        let winner = winner.expect("one wins");
        for answer in losers {
            answer.is(409, "chain_conflict", "fork-not-rotation");
            assert_eq!(answer.json()["head"]["hash"], winner["hash"], "the loser is told the head");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_at_once_is_one_event() {
    let server = Arc::new(Server::start().await);
    let owner = Owner::start(&server, 1).await;
    let event = owner.claim("a.example", &key(1));
    let posts: Vec<_> = (0..16)
        .map(|_| {
            let (server, path, event) = (server.clone(), owner.path("/events"), event.clone());
            tokio::spawn(async move { server.post(&path, event).await })
        })
        .collect();
    let mut answers = BTreeSet::new();
    let mut created = 0;
    for post in posts {
        let answer = post.await.expect("no panic");
        created += usize::from(answer.status == 201);
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        answers.insert(answer.text());
    }
    assert_eq!((created, answers.len()), (1, 1), "one is added, and all get the same answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_chains_at_once() {
    let server = Arc::new(Server::start().await);
    let tasks: Vec<_> = (0..24_u8)
        .map(|n| {
            let server = server.clone();
            tokio::spawn(async move {
                let seed = 1 + n * 2;
                let mut owner = Owner::start(&server, seed).await;
                for n in 0..10 {
                    let event = owner.claim(&format!("{n}.example"), &key(seed));
                    owner.post(&server, event).await.ok(201);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every event is taken");
    }
    let export = server.get("/v1/export?limit=500").await.text();
    let indexes: Vec<_> = export
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["log_index"].as_u64())
        .collect();
    assert_eq!(indexes, (1..=264).map(Some).collect::<Vec<_>>(), "without gaps");
}
