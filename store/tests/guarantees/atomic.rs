//! A sigchain's event, and what follows for its handle, are one.

use kez_core::sigchain::Reason;
use kez_store::sigchains::NotStored;

use super::engine::Engine;
use super::people::{Owner, handle, key, register};

pub(crate) async fn an_event_and_its_handle_change_together(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    let event = alice.rotation(2);
    let watching = {
        let (store, chain) = (store.clone(), alice.id());
        tokio::spawn(async move {
            loop {
                // The log first: whoever sees the event there sees what follows from it.
                let rotated = store.log(&chain, 1, 1).await.expect("it is there").len() == 1;
                let row = store.by_handle(&handle("alice")).await.expect("it is there").expect("a row");
                assert!(!rotated || row.primary == key(2).id(), "the event is there and the handle as before");
                if rotated {
                    return;
                }
            }
        })
    };
    let rows = alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    watching.await.expect("they were seen together");
    let row = store.by_handle(&handle("alice")).await.expect("it is there").expect("a row");
    assert_eq!((row.primary, row.standing.head), (key(2).id(), Some(rows[0].id)));
    assert_eq!(store.by_chain(&alice.id()).await.expect("it is there"), Some(row));
    assert!(store.lost_a_key(&alice.id()).await.expect("it is there"));
    assert_eq!(store.by_key(&key(1).id()).await.expect("it is there"), None);
}

pub(crate) async fn what_the_handles_refuse_is_in_no_log(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let event = alice.device(&key(2));
    let refused = alice.store(&*store, &event).await.expect("it is there");
    assert_eq!(refused, Err(NotStored::Refused(Reason::KeyReuse)));
    assert_eq!(store.log(&alice.id(), 0, 9).await.expect("it is there").len(), 1);
    let row = store.by_key(&key(2).id()).await.expect("it is there").expect("bob's");
    assert_eq!(row.handle, handle("bob"));
    assert!(!store.lost_a_key(&alice.id()).await.expect("it is there"));
}
