//! Of a device's state, one life goes on: copies and restored ones are found out.

use std::collections::HashMap;

use kez_core::Timestamp;
use kez_core::chat_instance::{AdmittedInstance, ChatInstance};
use kez_core::{Admission, KeyId};
use kez_store::instances::{InstanceRefusal, Kept};
use kez_store::{Store, StoreError};
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, at, claim, key, register, release, server};

const HOUR: i64 = 3_600;

/// That a device of `chain` is in this life of its state, signed at `now`.
fn begun(device: u8, chain: KeyId, previous: Option<u8>, instance: u8, now: Timestamp) -> AdmittedInstance {
    let previous = previous.map(|previous| [previous; 16]);
    let said = ChatInstance { chain, server: server(), created_at: now, previous, instance: [instance; 16] };
    Admission { server: &server(), now }.chat_instance(&said.sign(&key(device))).expect("a good one")
}

/// What somebody with the handle of their first key says of it: whether it is new.
async fn says(
    store: &dyn Store,
    device: u8,
    previous: Option<u8>,
    instance: u8,
    seconds: i64,
) -> Result<bool, InstanceRefusal> {
    let now = at(seconds);
    answered(store, begun(device, key(device).id(), previous, instance, now), now).await
}

async fn answered(store: &dyn Store, said: AdmittedInstance, now: Timestamp) -> Result<bool, InstanceRefusal> {
    let (device, instance) = (said.device, said.instance);
    let kept = store.put_instance(said, now).await.expect("the database is there")?;
    assert_eq!(kept, Kept { device, instance, is_new: kept.is_new });
    Ok(kept.is_new)
}

pub(crate) async fn one_life_of_a_state_goes_on(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    assert_eq!(says(&*store, 1, Some(9), 1, 0).await, Ok(true), "nothing is kept, so nothing is contradicted");
    assert_eq!(says(&*store, 1, Some(1), 2, 1).await, Ok(true));
    for previous in [Some(1), Some(2), None, Some(9)] {
        assert_eq!(says(&*store, 1, previous, 2, 2).await, Ok(false), "it is kept: {previous:?}");
    }
    for previous in [1, 3, 9] {
        assert_eq!(says(&*store, 1, Some(previous), 3, 3).await, Err(InstanceRefusal::Conflict), "a copy: {previous}");
    }
    assert_eq!(says(&*store, 1, None, 4, 4).await, Ok(true), "an empty state begins anew");
    assert_eq!(says(&*store, 1, Some(2), 5, 5).await, Err(InstanceRefusal::Conflict), "what it was thrown away");

    let found = engine.after_death().await;
    assert_eq!(says(&*found, 1, Some(9), 4, 6).await, Ok(false), "what was answered outlives the process");
    assert_eq!(says(&*found, 1, Some(4), 6, 6).await, Ok(true));
}

pub(crate) async fn an_instance_that_was_followed_is_never_kept_again(engine: &dyn Engine) {
    let store = engine.open().await;
    let chain = key(1).id();
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let first = begun(1, chain, None, 1, at(0));
    // Signed while the first was kept, and answered that it is.
    let (again, ahead) = (begun(1, chain, None, 1, at(1)), begun(1, chain, Some(9), 1, at(300)));
    assert_eq!(answered(&*store, first.clone(), at(0)).await, Ok(true));
    assert_eq!(answered(&*store, first.clone(), at(0)).await, Ok(false));
    assert_eq!(answered(&*store, again.clone(), at(1)).await, Ok(false));
    assert_eq!(says(&*store, 1, Some(1), 2, 2 * HOUR).await, Ok(true), "much later");
    for said in [first, again, ahead] {
        for seconds in [2 * HOUR, 2 * HOUR + 600] {
            assert_eq!(answered(&*store, said.clone(), at(seconds)).await, Err(InstanceRefusal::Conflict));
        }
    }
    for previous in [None, Some(2)] {
        let refused = says(&*store, 1, previous, 1, 2 * HOUR + 600).await;
        assert_eq!(refused, Err(InstanceRefusal::Conflict), "{previous:?}");
    }
    assert_eq!(says(&*store, 1, Some(2), 2, 2 * HOUR + 600).await, Ok(false), "the second is kept all the while");
    assert_eq!(says(&*store, 1, Some(2), 3, 2 * HOUR + 600).await, Ok(true));
}

/// However many copies begin at once, one goes on; and a state that asks twice at once is not taken for its own copy.
pub(crate) async fn one_of_many_copies_goes_on(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    assert_eq!(says(&*store, 1, None, 1, 0).await, Ok(true));
    let mut racing = JoinSet::new();
    for instance in 10..30 {
        for device in [1, 2] {
            let (store, previous) = (store.clone(), (device == 1).then_some(1));
            racing.spawn(async move { (device, instance, says(&*store, device, previous, instance, 1).await) });
        }
    }
    let mut counts = HashMap::new();
    let mut kept = 0;
    for (device, instance, answer) in racing.join_all().await {
        *counts.entry((device, answer.ok())).or_insert(0) += 1;
        if (device, answer) == (1, Ok(true)) {
            kept = instance;
        }
    }
    let expected = [((1, Some(true)), 1), ((1, None), 19), ((2, Some(true)), 20)];
    assert_eq!(counts, HashMap::from(expected), "states that hold nothing take turns");
    assert_eq!(says(&*store, 1, Some(1), kept, 1).await, Ok(false));
    let same = || says(&*store, 1, Some(kept), 50, 2);
    let (first, second) = tokio::join!(same(), same());
    let mut both = [first, second];
    both.sort_by_key(|answer| answer.is_ok_and(|is_new| is_new));
    assert_eq!(both, [Ok(false), Ok(true)]);
}

pub(crate) async fn instances_are_counted_by_the_hour(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    for second in 0..60_u8 {
        assert_eq!(says(&*store, 1, None, second, i64::from(second)).await, Ok(true));
    }
    assert_eq!(says(&*store, 1, Some(59), 100, 60).await, Err(InstanceRefusal::TooOften(3_540)));
    assert_eq!(says(&*store, 1, None, 100, HOUR - 1).await, Err(InstanceRefusal::TooOften(1)));
    assert_eq!(says(&*store, 1, Some(8), 100, 60).await, Err(InstanceRefusal::Conflict), "that comes first");
    assert_eq!(says(&*store, 1, Some(9), 59, 60).await, Ok(false), "what is kept is answered all the same");
    assert_eq!(says(&*store, 2, None, 1, 60).await, Ok(true), "others are others");
    assert_eq!(says(&*store, 1, Some(59), 100, HOUR).await, Ok(true), "the first one is an hour old");
    assert_eq!(says(&*store, 1, Some(100), 101, HOUR).await, Err(InstanceRefusal::TooOften(1)));
}

pub(crate) async fn what_is_over_of_instances_is_deleted(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    for instance in 1..=3 {
        assert_eq!(says(&*store, 1, Some(instance - 1), instance, 0).await, Ok(true));
    }
    assert_eq!(engine.rows_of_instances().await, [1, 3, 2]);
    assert_eq!(says(&*store, 2, None, 1, 2 * HOUR).await, Ok(true), "another one is written");
    assert_eq!(engine.rows_of_instances().await, [2, 1, 0], "what is kept stays");
    assert_eq!(says(&*store, 1, Some(2), 4, 400 * 24 * HOUR).await, Err(InstanceRefusal::Conflict), "for ever");
    // Written by a clock that was ahead: it locks nobody out.
    for instance in 10..70 {
        assert_eq!(says(&*store, 1, None, instance, 800 * 24 * HOUR).await, Ok(true));
    }
    let _ = says(&*store, 2, Some(1), 2, 3 * HOUR).await;
    assert_eq!(says(&*store, 1, Some(69), 4, 3 * HOUR + 1).await, Ok(true));
}

/// A device whose key stopped being active has no say; once that is undone, what it was is known.
pub(crate) async fn only_active_devices_have_instances(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    let says = |device, previous, instance| {
        let (store, said) = (store.clone(), begun(device, key(1).id(), previous, instance, at(1)));
        async move { answered(&*store, said, at(1)).await }
    };
    assert_eq!(says(3, None, 1).await, Err(InstanceRefusal::NotAuthorised));
    let event = alice.device(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!((says(3, None, 1).await, says(1, None, 1).await), (Ok(true), Ok(true)), "each device has its own");
    assert_eq!(
        answered(&*store, begun(3, key(3).id(), None, 2, at(1)), at(1)).await,
        Err(InstanceRefusal::NotAuthorised)
    );
    assert_eq!(
        answered(&*store, begun(9, key(9).id(), None, 2, at(1)), at(1)).await,
        Err(InstanceRefusal::NotAuthorised)
    );
    let event = alice.revocation(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!(says(3, Some(1), 1).await, Err(InstanceRefusal::NotAuthorised), "what is kept, too");
    store.release(release("alice", &key(1), at(1)), at(1)).await.expect("it is there").expect("it is hers");
    assert_eq!(says(1, Some(1), 2).await, Err(InstanceRefusal::NotAuthorised));
    store.register(claim("alice", &key(1), at(2)), at(2)).await.expect("it is there").expect("it is hers");
    assert_eq!(says(1, Some(8), 2).await, Err(InstanceRefusal::Conflict), "a copy is a copy all the same");
    assert_eq!(says(1, Some(1), 2).await, Ok(true));
}

pub(crate) async fn what_is_refused_of_instances_spoils_nothing(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let (stranger, good, other) =
        tokio::join!(says(&*store, 9, None, 1, 0), says(&*store, 1, None, 1, 0), says(&*store, 2, None, 1, 0));
    assert_eq!((stranger, good, other), (Err(InstanceRefusal::NotAuthorised), Ok(true), Ok(true)));
    engine.block().await;
    let said = begun(1, key(1).id(), Some(1), 2, at(1));
    let refused = store.put_instance(said.clone(), at(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    engine.unblock().await;
    assert_eq!(answered(&*store, said, at(1)).await, Ok(true), "it may be asked again");
}
