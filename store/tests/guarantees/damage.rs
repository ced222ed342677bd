//! A row that was never written: those whom it is about hear so, and nobody else notices.

use kez_store::StoreError;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, at, claim, handle, key, register, release};

pub(crate) async fn a_damaged_handle_holds_up_nobody_else(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    engine.damage_handle(&handle("alice")).await;
    let found = store.by_handle(&handle("alice")).await;
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");

    let mut racing = JoinSet::new();
    for n in 0..30 {
        let store = store.clone();
        racing.spawn(async move { store.register(claim(&format!("good{n}"), &key(100 + n), at(0)), at(0)).await });
    }
    let bad = store.release(release("alice", &key(1), at(0)), at(0)).await;
    assert!(matches!(bad, Err(StoreError::Corrupt(_))), "{bad:?}");
    for made in racing.join_all().await {
        assert!(made.expect("it is there").expect("it is free").created);
    }
    store.check().await.expect("it is ready");
}

pub(crate) async fn a_damaged_chain_holds_up_nobody_else(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    let event = alice.device(&key(2));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    let mut bob = Owner::start(&*store, "bob", 3).await;
    engine.damage_keys(&alice.id()).await;

    // What takes a key away, the handles look at all keys for.
    let deactivation = alice.deactivation();
    let good = bob.device(&key(4));
    let (bad, stored, made) = tokio::join!(
        store.append(alice.append(&deactivation)),
        store.append(bob.append(&good)),
        store.register(claim("carol", &key(5), at(0)), at(0)),
    );
    assert!(matches!(bad, Err(StoreError::Corrupt(_))), "{bad:?}");
    assert_eq!(store.log(&alice.id(), 0, 9).await.expect("it is there").len(), 2, "no half of it is there");
    stored.expect("it is there").expect("it is stored");
    bob.saw(&good);
    assert!(made.expect("it is there").expect("it is free").created);
    let row = store.by_key(&key(4).id()).await.expect("it is there").expect("a device");
    assert_eq!(row.handle, handle("bob"));
}
