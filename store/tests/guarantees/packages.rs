//! Key packages: each is stored once and given away once.

use std::collections::HashSet;

use kez_store::StoreError;
use kez_store::key_packages::{ClaimRefusal, Held, UploadRefusal, Uploaded};
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, Putting, at, claim, claimed, claiming, claiming_by, got, key, register, release};

pub(crate) async fn what_was_answered_about_packages_outlives_the_process(engine: &dyn Engine) {
    let store = engine.open().await;
    for (name, seed) in [("alice", 1), ("bob", 2)] {
        register(&*store, name, &key(seed)).await.expect("it is free");
    }
    let upload = Putting::of(1, key(1).id(), 0..3).with_last_resort(9);
    assert_eq!(upload.taken(&*store).await, (3, true));
    let claim = claiming(2, key(1).id(), &[], at(0));
    assert_eq!(claimed(&*store, claim.clone(), at(0)).await, (vec![(0, false)], 0));

    let found = engine.after_death().await;
    assert_eq!(claimed(&*found, claim, at(1)).await, (vec![(0, false)], 0), "the same claim, the same answer");
    let again = found.put_packages(upload.admitted(), at(0)).await.expect("it is there").expect("it is hers");
    assert_eq!(again.held, Held { available: 2, has_last_resort: true }, "what was given away is not taken again");
    for expected in [(1, false), (2, false), (9, true), (9, true)] {
        let claim = claiming(2, key(1).id(), &[], at(0));
        assert_eq!(claimed(&*found, claim, at(0)).await, (vec![expected], 0));
    }
}

pub(crate) async fn a_package_goes_to_one_of_many_claims(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    for seed in 10..50 {
        register(&*store, &format!("claimer{seed}"), &key(seed)).await.expect("it is free");
    }
    assert_eq!(Putting::of(1, key(1).id(), 0..12).taken(&*store).await, (12, false));
    assert_eq!(Putting::of(1, key(1).id(), 12..24).taken(&*store).await, (24, false));
    let mut racing = JoinSet::new();
    for seed in 10..50 {
        let (store, claim) = (store.clone(), claiming(seed, key(1).id(), &[], at(0)));
        racing.spawn(async move { store.claim_packages(claim, at(0)).await });
    }
    let (mut given, mut missing) = (HashSet::new(), 0);
    for answer in racing.join_all().await {
        let (packages, without) = got(&answer.expect("it is there").expect("it may"));
        missing += without;
        for (number, is_last_resort) in packages {
            assert!(given.insert(number) && !is_last_resort, "{number} was given twice");
        }
    }
    assert_eq!((given.len(), missing), (24, 16));
}

pub(crate) async fn claims_in_one_group_share_what_is_there(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    let event = alice.device(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    Putting::of(1, alice.id(), [1]).taken(&*store).await;
    Putting::of(3, alice.id(), [2, 3]).taken(&*store).await;
    let both = || store.claim_packages(claiming(2, alice.id(), &[3, 1], at(0)), at(0));
    let (first, second, third) = tokio::join!(both(), both(), both());
    let mut answers: Vec<_> =
        [first, second, third].into_iter().map(|answer| got(&answer.expect("it is there").expect("it may"))).collect();
    answers.sort();
    let expected = [(vec![], 2), (vec![(2, false), (1, false)], 0), (vec![(3, false)], 1)];
    assert_eq!(answers, expected, "in the order in which they were named");
}

pub(crate) async fn an_upload_is_taken_once_and_a_package_too(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let upload = Putting::of(1, key(1).id(), [1, 2, 2, 3]).admitted();
    let put = |upload| async { store.put_packages(upload, at(0)).await.expect("it is there") };
    let held = |available| Held { available, has_last_resort: false };
    assert_eq!(put(upload.clone()).await, Ok(Uploaded { held: held(3), is_new: true }), "one is there twice");
    assert_eq!(claimed(&*store, claiming(2, key(1).id(), &[], at(0)), at(0)).await.0, [(1, false)]);
    assert_eq!(put(upload).await, Ok(Uploaded { held: held(2), is_new: false }), "today's numbers");
    // In another envelope, what was here is not stored again: neither what waits, nor what was given away.
    assert_eq!(Putting::of(1, key(1).id(), [1, 2, 4]).taken(&*store).await, (3, false));
    assert_eq!(Putting::of(1, key(1).id(), [1]).replacing().taken(&*store).await, (0, false));
    assert_eq!(Putting::of(1, key(1).id(), 1..5).taken(&*store).await, (0, false));
    // What another device puts here is another device's.
    assert_eq!(Putting::of(2, key(2).id(), [1, 2]).taken(&*store).await, (2, false));
}

pub(crate) async fn a_claim_again_gets_the_same(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    Putting::of(1, key(1).id(), [1, 2]).taken(&*store).await;
    let claim = claiming(2, key(1).id(), &[], at(0));
    // At once, and later.
    let same = || store.claim_packages(claim.clone(), at(0));
    let (first, second, third) = tokio::join!(same(), same(), same());
    let first = first.expect("it is there").expect("it may");
    assert_eq!(got(&first), (vec![(1, false)], 0));
    assert_eq!((second, third), (Ok(Ok(first.clone())), Ok(Ok(first.clone()))));
    Putting::of(1, key(1).id(), []).replacing().taken(&*store).await;
    let again = store.claim_packages(claim.clone(), at(300)).await.expect("it is there");
    assert_eq!(again, Ok(first.clone()), "whatever the device did since");
    // It comes before every other check.
    for (name, seed) in [("bob", 2), ("alice", 1)] {
        store.release(release(name, &key(seed), at(1)), at(1)).await.expect("it is there").expect("it is theirs");
        assert_eq!(store.claim_packages(claim.clone(), at(1)).await.expect("it is there"), Ok(first.clone()));
    }
    // One that was refused may be allowed later.
    let early = claiming(5, key(1).id(), &[], at(2));
    let refused = || store.claim_packages(early.clone(), at(2));
    let (one, other) = tokio::join!(refused(), refused());
    assert_eq!((one, other), (Ok(Err(ClaimRefusal::NotAuthorised)), Ok(Err(ClaimRefusal::NotAuthorised))));
    store.register(claim_of("eve", 5), at(2)).await.expect("it is there").expect("it is free");
    assert_eq!(store.claim_packages(early, at(2)).await.expect("it is there"), Err(ClaimRefusal::Gone(at(1))));
}

fn claim_of(name: &str, seed: u8) -> kez_core::Admitted {
    claim(name, &key(seed), at(2))
}

pub(crate) async fn what_is_refused_about_packages_spoils_nothing(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    Putting::of(1, key(1).id(), [1]).taken(&*store).await;
    let put = |device, chain: u8| {
        let store = store.clone();
        async move { Putting::of(device, key(chain).id(), [50]).put(&*store).await }
    };
    let claim = |signer, from: u8, to: u8| {
        let (store, claim) = (store.clone(), claiming_by(signer, key(from).id(), key(to).id(), &[], at(0)));
        async move { store.claim_packages(claim, at(0)).await.expect("it is there").map(|claimed| got(&claimed)) }
    };
    // All at once, so that good and bad are in one group.
    let (stranger, other, good, by_other, by_stranger, to_nobody, given) =
        tokio::join!(put(9, 9), put(2, 1), put(1, 1), claim(1, 2, 1), claim(9, 9, 1), claim(2, 2, 9), claim(2, 2, 1),);
    assert_eq!((stranger, other), (Err(UploadRefusal::NotAuthorised), Err(UploadRefusal::NotAuthorised)));
    assert_eq!(good.expect("it is hers").held.available, 2);
    assert_eq!((by_other, by_stranger), (Err(ClaimRefusal::NotAuthorised), Err(ClaimRefusal::NotAuthorised)));
    assert_eq!(to_nobody, Err(ClaimRefusal::NotFound));
    assert_eq!(given, Ok((vec![(1, false)], 0)));
    assert_eq!(claimed(&*store, claiming(2, key(1).id(), &[], at(0)), at(0)).await, (vec![(50, false)], 0));

    engine.block().await;
    let (upload, claim) = (Putting::of(1, key(1).id(), [7]).admitted(), claiming(2, key(1).id(), &[], at(0)));
    let (put, given) = tokio::join!(store.put_packages(upload.clone(), at(0)), store.claim_packages(claim, at(0)));
    assert!(matches!(put, Err(StoreError::Unavailable(_))), "{put:?}");
    assert!(matches!(given, Err(StoreError::Unavailable(_))), "{given:?}");
    engine.unblock().await;
    let put = store.put_packages(upload, at(0)).await.expect("it is there").expect("it is hers");
    assert_eq!((put.held.available, put.is_new), (1, true));
}

pub(crate) async fn replacing_forgets_what_is_not_listed(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let chain = key(1).id();
    assert_eq!(Putting::of(1, chain, 0..5).with_last_resort(9).taken(&*store).await, (5, true));
    assert_eq!(Putting::of(1, chain, [5]).taken(&*store).await, (6, true), "the last resort stays where none is named");
    assert_eq!(Putting::of(1, chain, [1, 6]).replacing().taken(&*store).await, (2, false), "the last resort too");
    assert_eq!(
        Putting::of(1, chain, []).with_last_resort(9).taken(&*store).await,
        (2, true),
        "as often as it is listed"
    );
    assert_eq!(Putting::of(1, chain, [1]).with_last_resort(10).replacing().taken(&*store).await, (1, true));
    for expected in [(1, false), (10, true)] {
        assert_eq!(claimed(&*store, claiming(2, chain, &[], at(0)), at(0)).await, (vec![expected], 0));
    }
    assert_eq!(Putting::of(1, chain, []).replacing().taken(&*store).await, (0, false));
    assert_eq!(claimed(&*store, claiming(2, chain, &[], at(0)), at(0)).await, (vec![], 1));
}

pub(crate) async fn only_active_devices_are_given(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    register(&*store, "bob", &key(2)).await.expect("it is free");
    for device in [3, 4, 5] {
        let event = alice.device(&key(device));
        alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    }
    for device in [1, 3, 4] {
        Putting::of(device, alice.id(), [u16::from(device)]).taken(&*store).await;
    }
    let event = alice.revocation(&key(4));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    let (mut packages, missing) = claimed(&*store, claiming(2, alice.id(), &[], at(0)), at(0)).await;
    packages.sort_unstable();
    assert_eq!((packages, missing), (vec![(1, false), (3, false)], 1), "the fifth has none");
    // One that was revoked, one of somebody else, one of nobody: they are neither given nor missing.
    for devices in [[4, 2], [2, 99]] {
        assert_eq!(claimed(&*store, claiming(2, alice.id(), &devices, at(0)), at(0)).await, (vec![], 0));
    }
    // Devices claim for their identity, of their own identity too.
    Putting::of(5, alice.id(), [5]).taken(&*store).await;
    let own = claiming_by(3, alice.id(), alice.id(), &[5], at(0));
    assert_eq!(claimed(&*store, own, at(0)).await, (vec![(5, false)], 0));
    let revoked = claiming_by(4, alice.id(), alice.id(), &[5], at(0));
    let refused = store.claim_packages(revoked, at(0)).await.expect("it is there");
    assert_eq!(refused, Err(ClaimRefusal::NotAuthorised));
}
