//! What was answered outlives the process; what was not written was not answered.

use kez_core::receipt::Receipt;
use kez_store::StoreError;
use kez_store::changes::Change;
use kez_store::sigchains::NotStored;

use super::engine::{Engine, Heard, signer};
use super::people::{Owner, at, claim, handle, key, register, release};

pub(crate) async fn what_was_answered_outlives_the_process(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    store.release(release("alice", &key(1), at(1)), at(1)).await.expect("it is there").expect("it is hers");
    let mut bob = Owner::start(&*store, "bob", 2).await;
    let event = bob.device(&key(3));
    let rows = bob.store(&*store, &event).await.expect("it is there").expect("it is stored");
    let carol = {
        let mut carol = Owner::new(4);
        carol.saw(&carol.genesis());
        carol
    };
    store.follow("http://a.test", vec![carol.followed()], vec![key(9).id()], Some(7)).await.expect("it is there");

    let found = engine.after_death().await;
    let row = found.by_handle(&handle("alice")).await.expect("it is there").expect("a row");
    assert_eq!(row.released.expect("a release").at, at(1));
    assert_eq!(found.log(&bob.id(), 1, 9).await.expect("it is there"), rows);
    let (receipt, by) = Receipt::verify(&rows[0].receipt).expect("it is signed");
    assert_eq!((receipt.hash, receipt.log_index, by), (rows[0].id, 2, signer().key()));
    assert_eq!(found.receipt_keys().await.expect("it is there"), [signer().key()]);
    let row = found.by_key(&key(3).id()).await.expect("it is there").expect("the device stands for bob");
    assert_eq!((row.handle.as_str(), row.standing.head), ("bob", Some(rows[0].id)));
    let head = carol.chain.head().expect("a genesis").hash;
    assert_eq!(found.followed(&carol.id()).await.expect("it is there"), Some((1, head)));
    assert_eq!(found.followed_to("http://a.test").await.expect("it is there"), 7);
    assert_eq!(found.behind("http://a.test").await.expect("it is there"), [key(9).id()]);
}

pub(crate) async fn changes_are_told_once_they_are_durable_and_before_the_answer(engine: &dyn Engine) {
    let heard = Heard::default();
    let store = engine.open_with(heard.listener()).await;
    store.sign_with(signer()).await.expect("it is written");
    let news = |key: u8, is_end| ("alice".to_owned(), super::people::key(key).id(), is_end);
    let mut alice = Owner::start(&*store, "alice", 1).await;
    assert_eq!(heard.take(), [news(1, false), news(1, false)], "of the registration and of the genesis");
    let event = alice.device(&key(2));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!(heard.take(), [news(1, false)]);
    let event = alice.revocation(&key(2));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!(heard.take(), [news(1, false), news(2, true)]);
    let event = alice.device(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    heard.take();
    store.release(release("alice", &key(1), at(1)), at(1)).await.expect("it is there").expect("it is hers");
    let mut told = heard.take();
    told.sort();
    let mut all = [news(1, true), news(3, true)];
    all.sort();
    assert_eq!(told, all, "every key that stood for it");

    // A chain is told of with how long it is, whether it has a handle or not.
    let mut nobody = Owner::new(7);
    for entries in 1..3 {
        let event = if entries == 1 { nobody.genesis() } else { nobody.device(&key(8)) };
        nobody.store(&*store, &event).await.expect("it is there").expect("it is stored");
        let change = Change { chain: nobody.id(), entries: Some(entries), handle: None, keys: Vec::new() };
        assert_eq!(heard.changes(), [change]);
    }
    // What is refused changes nothing.
    let late = nobody.append(&nobody.revocation(&key(8)));
    let event = nobody.deactivation();
    nobody.store(&*store, &event).await.expect("it is there").expect("it is stored");
    heard.changes();
    assert_eq!(store.append(late).await, Ok(Err(NotStored::Stale)));
    assert_eq!(heard.changes(), []);

    // Whoever asked may be gone: the others are told all the same.
    let asked = store.register(claim("bob", &key(4), at(0)), at(0));
    assert!(tokio::time::timeout(std::time::Duration::ZERO, asked).await.is_err() || store.check().await.is_ok());
    store.check().await.expect("what was asked before is done");
    assert_eq!(heard.take(), [("bob".to_owned(), key(4).id(), false)]);
}

pub(crate) async fn what_cannot_be_written_is_refused_and_may_be_asked_again(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    engine.block().await;
    let event = alice.device(&key(2));
    let (appended, registered, ready) = tokio::join!(
        store.append(alice.append(&event)),
        store.register(claim("bob", &key(3), at(0)), at(0)),
        store.check(),
    );
    assert!(matches!(appended, Err(StoreError::Unavailable(_))), "{appended:?}");
    assert!(matches!(registered, Err(StoreError::Unavailable(_))), "{registered:?}");
    assert!(matches!(ready, Err(StoreError::Unavailable(_))), "{ready:?}");
    assert!(store.by_handle(&handle("alice")).await.expect("reading goes on").is_some());
    engine.unblock().await;
    store.check().await.expect("it can be written again");
    assert_eq!(store.by_key(&key(2).id()).await.expect("it is there"), None, "neither the event nor what follows");
    assert_eq!(store.by_handle(&handle("bob")).await.expect("it is there"), None);
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    register(&*store, "bob", &key(3)).await.expect("it is free");
}
