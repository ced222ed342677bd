//! A key that stands for nobody any more has no packages here, from the moment at which that is so.

use kez_store::key_packages::UploadRefusal;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, Putting, at, claim, claimed, claiming, key, register, release};

/// Alice with a device 3, each with a package, and Bob who claims.
async fn alice(store: &dyn kez_store::Store) -> Owner {
    let mut alice = Owner::start(store, "alice", 1).await;
    let event = alice.device(&key(3));
    alice.store(store, &event).await.expect("it is there").expect("it is stored");
    register(store, "bob", &key(2)).await.expect("it is free");
    Putting::of(1, alice.id(), [1, 11]).with_last_resort(91).taken(store).await;
    Putting::of(3, alice.id(), [3, 13]).with_last_resort(93).taken(store).await;
    alice
}

pub(crate) async fn a_revoked_key_loses_its_packages_with_the_event(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = alice(&*store).await;
    let event = alice.revocation(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!(engine.packages_of(&key(3).id()).await, 0);
    assert_eq!(engine.packages_of(&key(1).id()).await, 3);
    let found = engine.after_death().await;
    assert_eq!(claimed(&*found, claiming(2, alice.id(), &[], at(0)), at(0)).await, (vec![(1, false)], 0));
    assert_eq!(Putting::of(3, alice.id(), [4]).put(&*store).await, Err(UploadRefusal::NotAuthorised));
}

pub(crate) async fn a_rotated_key_loses_its_packages(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = alice(&*store).await;
    let event = alice.rotation(4);
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!(engine.packages_of(&key(1).id()).await, 0);
    assert_eq!(Putting::of(1, alice.id(), [4]).put(&*store).await, Err(UploadRefusal::NotAuthorised));
    assert_eq!(Putting::of(4, alice.id(), [4]).taken(&*store).await, (1, false), "the new primary");
    let (mut packages, missing) = claimed(&*store, claiming(2, alice.id(), &[], at(0)), at(0)).await;
    packages.sort_unstable();
    assert_eq!((packages, missing), (vec![(3, false), (4, false)], 0));
}

pub(crate) async fn an_ended_chain_loses_all_packages(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = alice(&*store).await;
    let event = alice.deactivation();
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    for device in [1, 3] {
        assert_eq!(engine.packages_of(&key(device).id()).await, 0);
        assert_eq!(Putting::of(device, alice.id(), [4]).put(&*store).await, Err(UploadRefusal::NotAuthorised));
    }
    assert_eq!(claimed(&*store, claiming(2, alice.id(), &[], at(0)), at(0)).await, (vec![], 0), "none is active");
}

pub(crate) async fn a_released_handle_loses_all_packages(engine: &dyn Engine) {
    let store = engine.open().await;
    let alice = alice(&*store).await;
    store.release(release("alice", &key(1), at(1)), at(1)).await.expect("it is there").expect("it is hers");
    for device in [1, 3] {
        assert_eq!(engine.packages_of(&key(device).id()).await, 0);
        assert_eq!(Putting::of(device, alice.id(), [4]).put(&*store).await, Err(UploadRefusal::NotAuthorised));
    }
    // Whoever takes the handle again begins with nothing, and nothing that was here is here again.
    store.register(claim("alice", &key(1), at(2)), at(2)).await.expect("it is there").expect("it is hers");
    assert_eq!(claimed(&*store, claiming(2, alice.id(), &[], at(2)), at(2)).await, (vec![], 2));
    assert_eq!(Putting::of(1, alice.id(), [1, 2]).taken(&*store).await, (1, false));
}

pub(crate) async fn a_followed_chain_loses_packages_as_its_own_would(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let mut alice = Owner::new(1);
    alice.saw(&alice.genesis());
    let event = alice.device(&key(3));
    alice.saw(&event);
    let follow = |alice: &Owner| {
        let (store, followed) = (store.clone(), alice.followed());
        async move { store.follow("http://a.test", vec![followed], Vec::new(), None).await.expect("it is there") }
    };
    follow(&alice).await;
    Putting::of(3, alice.id(), [3]).taken(&*store).await;
    let event = alice.revocation(&key(3));
    alice.saw(&event);
    follow(&alice).await;
    assert_eq!(engine.packages_of(&key(3).id()).await, 0);
    assert_eq!(Putting::of(3, alice.id(), [4]).put(&*store).await, Err(UploadRefusal::NotAuthorised));
}

pub(crate) async fn a_refused_release_loses_nothing(engine: &dyn Engine) {
    let store = engine.open().await;
    let alice = alice(&*store).await;
    let refused = store.release(release("alice", &key(3), at(1)), at(1)).await.expect("it is there");
    assert!(refused.is_err(), "a device owns no handle");
    let mut late = alice.clone();
    let event = late.device(&key(5));
    late.store(&*store, &event).await.expect("it is there").expect("it is stored");
    let refused = store.append(alice.append(&alice.revocation(&key(3)))).await.expect("it is there");
    assert!(refused.is_err(), "somebody was quicker");
    assert_eq!((engine.packages_of(&key(1).id()).await, engine.packages_of(&key(3).id()).await), (3, 3));
}

/// Whether an upload or the revocation of its key comes first, nothing of the key is there afterwards.
pub(crate) async fn an_upload_never_outlives_its_key(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = alice(&*store).await;
    for round in 0..8_u8 {
        let device = 20 + round;
        let event = alice.device(&key(device));
        alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
        let mut racing = JoinSet::new();
        for number in 0..6 {
            let (store, upload) = (store.clone(), Putting::of(device, alice.id(), [number]));
            racing.spawn(async move { upload.put(&*store).await.is_ok() });
        }
        let event = alice.revocation(&key(device));
        alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
        racing.join_all().await;
        assert_eq!(engine.packages_of(&key(device).id()).await, 0);
    }
}
