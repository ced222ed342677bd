//! Nobody has, gives or gets more key packages than is good for the others.

use kez_store::key_packages::{ClaimRefusal, UploadRefusal};

use super::engine::Engine;
use super::people::{Owner, Putting, at, claimed, claiming, claiming_by, key, register};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

pub(crate) async fn a_device_has_so_many_packages(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let chain = key(1).id();
    for upload in 0..8 {
        Putting::of(1, chain, upload * 12..(upload + 1) * 12).taken(&*store).await;
    }
    let many = Putting::of(1, chain, 200..205).with_last_resort(9);
    assert_eq!(many.put(&*store).await, Err(UploadRefusal::TooMany), "96 and 5");
    assert_eq!(Putting::of(1, chain, 200..204).taken(&*store).await, (100, false), "nothing was stored of the other");
    assert_eq!(Putting::of(1, chain, 0..12).taken(&*store).await, (100, false), "these are there already");
    assert_eq!(Putting::of(1, chain, [300]).put(&*store).await, Err(UploadRefusal::TooMany));
    assert_eq!(claimed(&*store, claiming(2, chain, &[], at(0)), at(0)).await, (vec![(0, false)], 0));
    assert_eq!(Putting::of(1, chain, [300]).taken(&*store).await, (100, false));
    assert_eq!(Putting::of(1, chain, 301..313).replacing().taken(&*store).await, (12, false));
}

pub(crate) async fn uploads_and_claims_are_counted_by_the_hour(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let chain = key(1).id();
    let repeated = Putting::of(1, chain, [1]).admitted();
    store.put_packages(repeated.clone(), at(0)).await.expect("it is there").expect("it is hers");
    for second in 1..60 {
        Putting::of(1, chain, [1]).at(at(second)).taken(&*store).await;
    }
    let late = |seconds| Putting::of(1, chain, [2]).at(at(seconds));
    assert_eq!(late(60).put(&*store).await, Err(UploadRefusal::TooOften(3_540)));
    assert_eq!(late(HOUR - 1).put(&*store).await, Err(UploadRefusal::TooOften(1)));
    let again = store.put_packages(repeated, at(60)).await.expect("it is there").expect("it was taken");
    assert!(!again.is_new, "what was accepted is answered all the same");
    Putting::of(2, key(2).id(), [1]).at(at(60)).taken(&*store).await;
    assert_eq!(late(HOUR).taken(&*store).await, (2, false), "the first one is an hour old");
    assert_eq!(late(HOUR).put(&*store).await, Err(UploadRefusal::TooOften(1)));

    let claim = |seconds| claiming(2, chain, &[], at(seconds));
    let first = claim(0);
    let answer = store.claim_packages(first.clone(), at(0)).await.expect("it is there").expect("it may");
    for second in 1..120 {
        claimed(&*store, claim(second), at(second)).await;
    }
    let refused = |seconds| {
        let (store, claim) = (store.clone(), claim(seconds));
        async move { store.claim_packages(claim, at(seconds)).await.expect("it is there").map(drop) }
    };
    assert_eq!(refused(120).await, Err(ClaimRefusal::TooOften(3_480)));
    let again = store.claim_packages(first, at(120)).await.expect("it is there");
    assert_eq!(again, Ok(answer), "what was answered is answered again");
    assert_eq!(refused(HOUR - 1).await, Err(ClaimRefusal::TooOften(1)));
    let nobody = claiming(2, key(9).id(), &[], at(120));
    let order = store.claim_packages(nobody, at(120)).await.expect("it is there");
    assert_eq!(order, Err(ClaimRefusal::NotFound), "that comes first");
    assert!(claimed(&*store, claiming(1, chain, &[], at(120)), at(120)).await.1 <= 1, "another identity may");
    assert_eq!(refused(HOUR).await, Ok(()));
    assert_eq!(refused(HOUR).await, Err(ClaimRefusal::TooOften(1)));
}

pub(crate) async fn a_clock_that_was_ahead_locks_nobody_out(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let (chain, ahead) = (key(1).id(), 400 * DAY);
    for second in 0..120 {
        claimed(&*store, claiming(2, chain, &[], at(ahead + second)), at(ahead + second)).await;
    }
    for second in 0..60 {
        Putting::of(1, chain, [1]).at(at(ahead + second)).taken(&*store).await;
    }
    // With the first question the server sees that those were of no day that has been.
    let claim = store.claim_packages(claiming(2, chain, &[], at(0)), at(0)).await.expect("it is there");
    assert!(matches!(claim, Err(ClaimRefusal::TooOften(_))), "{claim:?}");
    claimed(&*store, claiming(2, chain, &[], at(1)), at(1)).await;
    Putting::of(1, chain, [1]).at(at(2)).taken(&*store).await;
}

pub(crate) async fn one_identity_gets_so_many_of_a_device_in_a_day(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut bob = Owner::start(&*store, "bob", 2).await;
    let event = bob.device(&key(4));
    bob.store(&*store, &event).await.expect("it is there").expect("it is stored");
    let mut alice = Owner::start(&*store, "alice", 1).await;
    let event = alice.device(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    register(&*store, "carol", &key(5)).await.expect("it is free");
    Putting::of(1, alice.id(), 0..12).taken(&*store).await;
    Putting::of(3, alice.id(), 100..112).with_last_resort(99).taken(&*store).await;
    // Whichever key of an identity claims, it is one identity.
    for number in 0..4 {
        let claim = claiming_by([2, 4][usize::from(number % 2)], bob.id(), alice.id(), &[1, 3], at(0));
        let expected = vec![(number, false), (100 + number, false)];
        assert_eq!(claimed(&*store, claim, at(0)).await, (expected, 0));
    }
    let claim = |now| claiming(2, alice.id(), &[1, 3], now);
    assert_eq!(claimed(&*store, claim(at(1)), at(1)).await, (vec![(99, true)], 1), "without one, it counts as missing");
    let carol = claiming(5, alice.id(), &[1, 3], at(1));
    assert_eq!(claimed(&*store, carol, at(1)).await, (vec![(4, false), (104, false)], 0), "others are others");
    let own = |number: u16| (vec![(5 + number, false)], 0);
    for number in 0..6 {
        let claim = claiming_by(3, alice.id(), alice.id(), &[1], at(1));
        assert_eq!(claimed(&*store, claim, at(1)).await, own(number), "one's own are not counted");
    }
    assert_eq!(claimed(&*store, claim(at(DAY - 1)), at(DAY - 1)).await, (vec![(99, true)], 1));
    assert_eq!(claimed(&*store, claim(at(DAY)), at(DAY)).await, (vec![(11, false), (105, false)], 0), "a day later");
}

pub(crate) async fn what_is_over_is_deleted(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let chain = key(1).id();
    Putting::of(1, chain, [1, 2]).with_last_resort(9).taken(&*store).await;
    claimed(&*store, claiming(2, chain, &[], at(0)), at(0)).await;
    assert_eq!(engine.rows_of_packages().await, [2, 1, 1, 1, 1, 1]);
    // Something else is written, and what is over goes with it.
    let write = |seconds| Putting::of(2, key(2).id(), []).at(at(seconds));
    write(2 * HOUR).taken(&*store).await;
    assert_eq!(engine.rows_of_packages().await, [2, 1, 1, 0, 0, 1], "the upload is another one");
    write(DAY + 1).taken(&*store).await;
    assert_eq!(engine.rows_of_packages().await, [2, 1, 1, 0, 0, 0]);
    let known = Putting::of(1, chain, [1]).at(at(99 * DAY));
    assert_eq!(known.taken(&*store).await, (1, true), "given away a hundred days ago");
    write(101 * DAY).taken(&*store).await;
    assert_eq!(engine.rows_of_packages().await, [0, 0, 1, 0, 0, 0], "nobody takes a package as old as that");
    assert_eq!(known.at(at(101 * DAY)).taken(&*store).await, (1, false), "it is not known any more");
}

pub(crate) async fn the_oldest_of_very_many_are_forgotten(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let upload = |number: u16| {
        Putting::of(1, key(1).id(), number * 12..(number + 1) * 12).replacing().at(at(i64::from(number) * 60))
    };
    // The engine's stories have room for a hundred.
    for number in 0..9 {
        assert_eq!(upload(number).taken(&*store).await, (12, false));
    }
    assert_eq!(engine.rows_of_packages().await[0], 100, "of 108");
    assert_eq!(Putting::of(1, key(1).id(), 8..12).at(at(600)).taken(&*store).await, (12, false), "these are known");
    assert_eq!(Putting::of(1, key(1).id(), 0..8).at(at(600)).taken(&*store).await, (20, false), "these are not");
}
