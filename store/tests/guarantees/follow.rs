//! Chains of another server.

use kez_store::followed::Taken;

use super::engine::{Engine, Heard};
use super::people::{Owner, handle, key, register};

const URL: &str = "http://a.test";

pub(crate) async fn handles_follow_chains_of_another_server(engine: &dyn Engine) {
    let heard = Heard::default();
    let store = engine.open_with(heard.listener()).await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let mut alice = Owner::new(1);
    alice.saw(&alice.genesis());
    let event = alice.device(&key(2));
    alice.saw(&event);
    assert_eq!(store.follow(URL, vec![alice.followed()], Vec::new(), Some(2)).await, Ok(vec![Taken::Whole]));
    let row = store.by_key(&key(2).id()).await.expect("it is there").expect("the device stands for alice");
    assert_eq!(row.handle, handle("alice"));
    heard.take();
    let event = alice.rotation(3);
    alice.saw(&event);
    assert_eq!(store.follow(URL, vec![alice.followed()], Vec::new(), Some(3)).await, Ok(vec![Taken::Whole]));
    let row = store.by_handle(&handle("alice")).await.expect("it is there").expect("a row");
    assert_eq!(row.primary, key(3).id());
    assert!(heard.take().contains(&("alice".to_owned(), key(1).id(), true)), "the old key lost it");
}

pub(crate) async fn what_is_not_taken_in_is_remembered(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let mut alice = Owner::new(1);
    alice.saw(&alice.genesis());
    let event = alice.device(&key(2));
    alice.saw(&event);
    let taken = store.follow(URL, vec![alice.followed()], vec![key(7).id()], Some(2)).await;
    assert_eq!(taken, Ok(vec![Taken::InPart]), "bob's key goes on to stand for bob");
    let behind = || async {
        let mut behind = store.behind(URL).await.expect("it is there");
        behind.sort();
        behind
    };
    let mut both = vec![alice.id(), key(7).id()];
    both.sort();
    assert_eq!(behind().await, both);
    let row = store.by_key(&key(2).id()).await.expect("it is there").expect("a row");
    assert_eq!(row.handle, handle("bob"));

    let event = alice.revocation(&key(2));
    alice.saw(&event);
    assert_eq!(store.follow(URL, vec![alice.followed()], Vec::new(), Some(3)).await, Ok(vec![Taken::Whole]));
    assert_eq!(behind().await, [key(7).id()], "the other one waits");
    assert!(store.behind("http://b.test").await.expect("it is there").is_empty());
}
