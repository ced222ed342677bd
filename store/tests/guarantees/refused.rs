//! What is refused changes nothing, and spoils nothing that is written with it.

use kez_core::sigchain::Reason;
use kez_store::followed::Taken;
use kez_store::handles::Refusal;
use kez_store::sigchains::NotStored;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, at, claim, handle, key, register, release};

pub(crate) async fn a_refused_change_spoils_no_other(engine: &dyn Engine) {
    let store = engine.open().await;
    let alice = Owner::start(&*store, "alice", 1).await;
    let bob = Owner::start(&*store, "bob", 2).await;
    register(&*store, "carol", &key(3)).await.expect("it is free");
    let mut stranger = Owner::new(3);
    stranger.saw(&stranger.genesis());
    let event = stranger.rotation(2);
    stranger.saw(&event);

    // All at once, so that good and bad are in one group.
    let mut racing = JoinSet::new();
    for n in 0..30 {
        let store = store.clone();
        racing.spawn(async move {
            let good = claim(&format!("good{n}"), &key(100 + n), at(0));
            assert!(store.register(good, at(0)).await.expect("it is there").expect("it is free").created);
        });
    }
    let (taken, absent, foreign) =
        (claim("alice", &key(50), at(0)), release("nobody", &key(51), at(0)), release("alice", &key(52), at(0)));
    let (contested, good) = (alice.append(&alice.device(&key(3))), bob.append(&bob.device(&key(4))));
    let (register_it, release_it, release_other, append_bad, append_good, follow) = tokio::join!(
        store.register(taken, at(0)),
        store.release(absent, at(0)),
        store.release(foreign, at(0)),
        store.append(contested),
        store.append(good),
        store.follow("http://a.test", vec![stranger.followed()], Vec::new(), Some(1)),
    );
    racing.join_all().await;
    assert_eq!(register_it.expect("it is there").map(|made| made.created), Err(Refusal::HandleTaken));
    assert_eq!(release_it.expect("it is there").map(drop), Err(Refusal::NotFound));
    assert_eq!(release_other.expect("it is there").map(drop), Err(Refusal::KeyMismatch));
    assert_eq!(append_bad.expect("it is there"), Err(NotStored::Refused(Reason::KeyReuse)));
    assert_eq!(append_good.expect("it is there").expect("it is stored").len(), 1);
    assert_eq!(follow.expect("it is there"), [Taken::Refused(Reason::KeyReuse)]);
    for n in 0..30 {
        let row = store.by_handle(&handle(&format!("good{n}"))).await.expect("it is there").expect("a row");
        assert_eq!(row.primary, key(100 + n).id());
    }
    let row = store.by_key(&key(4).id()).await.expect("it is there").expect("a device");
    assert_eq!(row.handle, handle("bob"));
    assert_eq!(store.followed(&stranger.id()).await.expect("it is there"), None);
}
