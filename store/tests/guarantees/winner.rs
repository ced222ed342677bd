//! Of any number that race, exactly one wins.

use std::collections::HashSet;

use kez_store::handles::Refusal;
use kez_store::sigchains::NotStored;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, at, claim, handle, key};

/// How many race.
const MANY: u8 = 40;

pub(crate) async fn one_of_many_gets_a_handle(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut racing = JoinSet::new();
    for seed in 1..=MANY {
        let store = store.clone();
        racing.spawn(async move { store.register(claim("alice", &key(seed), at(0)), at(0)).await });
    }
    let answers = racing.join_all().await;
    let mut made = Vec::new();
    for answer in answers {
        match answer.expect("it is there") {
            Ok(registered) => made.push(registered),
            Err(refusal) => assert_eq!(refusal, Refusal::HandleTaken),
        }
    }
    assert!(made.len() == 1 && made[0].created, "{made:?}");
    let row = store.by_handle(&handle("alice")).await.expect("it is there");
    assert_eq!(row, Some(made.remove(0).row));
}

pub(crate) async fn a_key_gets_one_of_many_handles(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut racing = JoinSet::new();
    for n in 0..MANY {
        let store = store.clone();
        racing.spawn(async move { store.register(claim(&format!("alice{n}"), &key(1), at(0)), at(0)).await });
    }
    let answers = racing.join_all().await;
    let made = answers.into_iter().filter_map(|answer| match answer.expect("it is there") {
        Ok(registered) => Some(registered),
        Err(refusal) => {
            assert_eq!(refusal, Refusal::KeyAlreadyRegistered);
            None
        }
    });
    let made: Vec<_> = made.collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(store.by_key(&key(1).id()).await.expect("it is there"), Some(made[0].row.clone()));
}

pub(crate) async fn one_of_many_events_stands_behind_a_head(engine: &dyn Engine) {
    let store = engine.open().await;
    let alice = Owner::start(&*store, "alice", 1).await;
    let bob = Owner::start(&*store, "bob", 2).await;
    let mut racing = JoinSet::new();
    for n in 0..MANY {
        for owner in [&alice, &bob] {
            let (store, append) = (store.clone(), owner.append(&owner.claimed(&format!("a{n}.example"))));
            racing.spawn(async move { (append.chain, store.append(append).await.expect("it is there")) });
        }
    }
    let mut winners = HashSet::new();
    for (chain, answer) in racing.join_all().await {
        match answer {
            Ok(rows) => assert!(winners.insert(chain) && rows.len() == 1, "one a chain"),
            Err(reason) => assert_eq!(reason, NotStored::Stale),
        }
    }
    assert_eq!(winners.len(), 2);
    let all = store.export(0, 99).await.expect("it is there");
    assert_eq!(all.iter().map(|row| row.log_index).collect::<Vec<_>>(), [1, 2, 3, 4], "without gaps");
}
