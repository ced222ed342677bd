//! Whoever did not hear the answer asks again, and nothing happens twice.

use kez_store::followed::Taken;
use kez_store::handles::Refusal;
use kez_store::sigchains::{NotStored, Signer};

use super::engine::{Engine, HOLD_SECS, signer};
use super::people::{Owner, at, claim, key, register, release, server};

pub(crate) async fn a_registration_is_made_once(engine: &dyn Engine) {
    let store = engine.open().await;
    let first = register(&*store, "alice", &key(1)).await.expect("it is free");
    let again = store.register(claim("alice", &key(1), at(9)), at(9)).await.expect("it is there").expect("it is hers");
    assert!(first.created && !again.created);
    assert_eq!(first.row, again.row);
}

pub(crate) async fn a_release_is_accepted_once(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let envelope = release("alice", &key(1), at(1));
    store.release(envelope.clone(), at(1)).await.expect("it is there").expect("it is hers");
    assert_eq!(store.release(envelope.clone(), at(2)).await.expect("it is there"), Err(Refusal::Replayed));
    let other = store.release(release("alice", &key(1), at(2)), at(2)).await.expect("it is there");
    assert_eq!(other, Err(Refusal::Gone));
    // Taken again, it is not released by what released it before, and nobody registers with what registered it before.
    let again = store.register(claim("alice", &key(1), at(0)), at(3)).await.expect("it is there");
    assert_eq!(again, Err(Refusal::Replayed));
    let taken = store.register(claim("alice", &key(2), at(4)), at(4)).await.expect("it is there");
    assert_eq!(taken, Err(Refusal::HandleTaken), "it is held for who had it");
    let later = at(1 + HOLD_SECS);
    assert!(store.register(claim("alice", &key(2), later), later).await.expect("it is there").is_ok());
    assert_eq!(store.release(envelope, later).await.expect("it is there"), Err(Refusal::Replayed));
}

pub(crate) async fn an_event_is_stored_once(engine: &dyn Engine) {
    let store = engine.open().await;
    let alice = Owner::start(&*store, "alice", 1).await;
    let append = alice.append(&alice.device(&key(2)));
    store.append(append.clone()).await.expect("it is there").expect("it is stored");
    assert_eq!(store.append(append.clone()).await.expect("it is there"), Err(NotStored::Stale));
    let ids = [append.entries[0].id];
    assert_eq!(store.by_ids(&alice.id(), &ids).await.expect("it is there").len(), 1);
    assert_eq!(store.log(&alice.id(), 0, 9).await.expect("it is there").len(), 2);
}

pub(crate) async fn a_step_may_be_taken_again(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::new(1);
    alice.saw(&alice.genesis());
    let event = alice.claimed("a.example");
    alice.saw(&event);
    register(&*store, "alice", &key(1)).await.expect("it is free");
    for _ in 0..2 {
        let taken = store.follow("http://a.test", vec![alice.followed()], Vec::new(), Some(3)).await;
        assert_eq!(taken.expect("it is there"), [Taken::Whole]);
        assert_eq!(store.followed_claims(&alice.id()).await.expect("it is there").len(), 1);
        assert_eq!(store.followed_to("http://a.test").await.expect("it is there"), 3);
    }
}

pub(crate) async fn keys_that_sign_receipts_are_kept_in_the_order_of_their_first_use(engine: &dyn Engine) {
    let store = engine.open_with(std::sync::Arc::new(())).await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let mut alice = Owner::new(1);
    let genesis = alice.genesis();
    assert!(alice.store(&*store, &genesis).await.is_err(), "nobody signs receipts yet");
    let other = || Signer { key: key(201), server: server() };
    for signer in [signer(), other(), signer()] {
        store.sign_with(signer).await.expect("it is written");
    }
    assert_eq!(store.receipt_keys().await.expect("it is there"), [signer().key(), other().key()]);
    let rows = alice.store(&*store, &genesis).await.expect("it is there").expect("it is stored");
    let (_, by) = kez_core::receipt::Receipt::verify(&rows[0].receipt).expect("it is signed");
    assert_eq!(by, signer().key(), "the last one that was named");
}
