//! Conversations: one commit ends an epoch, whoever comes first.

use kez_store::StoreError;
use kez_store::conversations::{Commit, CommitRefusal, Committed, Part, StartRefusal, Started};
use tokio::task::JoinSet;

use super::engine::Engine;
use super::people::{Owner, at, claim, key, register, release};
use super::talkers::{
    add, begin, commit, commit_of, epochs, gate, gate_hash, go_on, id, log, part, start, starting, starting_by,
};

const NEW: Result<Started, StartRefusal> = Ok(Started { is_new: true });
const KNOWN: Result<Started, StartRefusal> = Ok(Started { is_new: false });

fn new(epoch: u64) -> Result<Committed, CommitRefusal> {
    Ok(Committed { epoch, is_new: true })
}

fn known(epoch: u64) -> Result<Committed, CommitRefusal> {
    Ok(Committed { epoch, is_new: false })
}

pub(crate) async fn what_was_answered_about_conversations_outlives_the_process(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    begin(&*store, 7).await;
    go_on(&*store, 7, 1..4, at(5)).await;

    let found = engine.after_death().await;
    let log = log(&*found, 7).await.expect("it was started");
    assert_eq!(epochs(7, &log), (vec![1, 2, 3], 1, 4));
    assert_eq!(log.started_at, at(0));
    assert!(log.entries.iter().all(|entry| entry.received_at == at(5)));
    assert_eq!(log.entries[1].bytes, commit(7, 2, 0).bytes);
    assert_eq!(start(&*found, starting(7, 1, at(0))).await, KNOWN);
    assert_eq!(add(&*found, commit(7, 2, 0), at(9)).await, known(3));
    assert_eq!(add(&*found, commit(7, 3, 1), at(9)).await, Err(CommitRefusal::Conflict(4)));
    assert_eq!(add(&*found, commit(7, 4, 0), at(9)).await, new(5));
}

pub(crate) async fn one_of_many_commits_ends_an_epoch(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    begin(&*store, 7).await;
    for epoch in 1..5 {
        let mut racing = JoinSet::new();
        for number in 0..40 {
            let store = store.clone();
            racing.spawn(async move { (number, add(&*store, commit(7, epoch, number), at(1)).await) });
        }
        let answers = racing.join_all().await;
        let won: Vec<u16> = answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(number, _)| *number).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        let lost = answers.iter().filter(|(_, answer)| *answer == Err(CommitRefusal::Conflict(epoch + 1)));
        assert_eq!(lost.count(), 39, "each hears of the epoch that it is now");
        let log = part(&*store, 7, epoch - 1, 100).await.expect("it was started");
        assert_eq!(epochs(7, &log), (vec![epoch], 1, epoch + 1));
        assert_eq!(log.entries[0].bytes, commit(7, epoch, won[0]).bytes, "who was told so is in the log");
    }
}

pub(crate) async fn one_of_many_starts_begins_a_conversation(engine: &dyn Engine) {
    let store = engine.open().await;
    for seed in 1..31 {
        register(&*store, &format!("starter{seed}"), &key(seed)).await.expect("it is free");
    }
    let mut racing = JoinSet::new();
    for seed in 1..31 {
        let store = store.clone();
        racing.spawn(async move { (seed, start(&*store, starting(7, seed, at(0))).await) });
    }
    let answers = racing.join_all().await;
    let began: Vec<u8> = answers.iter().filter(|(_, answer)| *answer == NEW).map(|(seed, _)| *seed).collect();
    assert_eq!(began.len(), 1);
    assert_eq!(answers.iter().filter(|(_, answer)| *answer == Err(StartRefusal::Conflict)).count(), 29);
    for seed in 1..31 {
        let expected = if seed == began[0] { KNOWN } else { Err(StartRefusal::Conflict) };
        assert_eq!(start(&*store, starting(7, seed, at(0))).await, expected);
    }
    assert_eq!(engine.rows_of_conversations().await, [1, 0, 0, 0]);
}

pub(crate) async fn a_group_decides_in_the_order_of_arrival(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    begin(&*store, 7).await;
    let first = commit(7, 1, 0);
    // All at once, so that several are in one group.
    let (a, b, c, d, e, f, g) = tokio::join!(
        add(&*store, first.clone(), at(1)),
        add(&*store, first.clone(), at(1)),
        add(&*store, commit(7, 1, 1), at(1)),
        add(&*store, commit(7, 2, 0), at(1)),
        add(&*store, commit(8, 1, 0), at(1)),
        start(&*store, starting(8, 1, at(0))),
        add(&*store, first.clone(), at(1)),
    );
    assert_eq!((a, b, c), (new(2), known(2), Err(CommitRefusal::Conflict(2))));
    assert_eq!(d, new(3), "whoever knows the next gate may go on");
    assert!(matches!(e, Err(CommitRefusal::NotFound) | Ok(_)), "{e:?}: it is started beside it");
    assert_eq!((f, g), (NEW, known(2)));
    assert_eq!(epochs(7, &log(&*store, 7).await.expect("it was started")), (vec![1, 2], 1, 3));
}

pub(crate) async fn a_start_is_known_by_whose_it_is_and_its_gate(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    let event = alice.device(&key(3));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    begin(&*store, 7).await;
    assert_eq!(start(&*store, starting(7, 1, at(9))).await, KNOWN, "in another envelope");
    let by_device = starting_by(3, 7, alice.id(), gate_hash(7, 1), at(9));
    assert_eq!(start(&*store, by_device).await, KNOWN, "by another key of hers");
    let other_gate = starting_by(1, 7, alice.id(), gate_hash(7, 2), at(9));
    assert_eq!(start(&*store, other_gate).await, Err(StartRefusal::Conflict));
    assert_eq!(start(&*store, starting(7, 2, at(9))).await, Err(StartRefusal::Conflict), "of somebody else");
    go_on(&*store, 7, 1..3, at(10)).await;
    assert_eq!(start(&*store, starting(7, 1, at(11))).await, KNOWN, "wherever it is by now");
    assert_eq!(log(&*store, 7).await.expect("it was started").epoch, 3, "and changes nothing");
}

pub(crate) async fn only_who_stands_for_an_identity_starts_for_it(engine: &dyn Engine) {
    let store = engine.open().await;
    let mut alice = Owner::start(&*store, "alice", 1).await;
    for device in [3, 4] {
        let event = alice.device(&key(device));
        alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    }
    let event = alice.revocation(&key(4));
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    let try_as = |signer, conversation, from| {
        let (store, begin) =
            (store.clone(), starting_by(signer, conversation, from, gate_hash(conversation, 1), at(0)));
        async move { start(&*store, begin).await }
    };
    assert_eq!(try_as(3, 10, alice.id()).await, NEW, "a device");
    assert_eq!(try_as(1, 11, alice.id()).await, NEW, "the primary");
    let refused = Err(StartRefusal::NotAuthorised);
    assert_eq!(try_as(4, 12, alice.id()).await, refused, "a key that was revoked");
    assert_eq!(try_as(2, 12, alice.id()).await, refused, "somebody else");
    assert_eq!(try_as(9, 12, key(9).id()).await, refused, "nobody");
    assert_eq!(try_as(2, 10, alice.id()).await, refused, "before it is said whether there is one");
    assert!(log(&*store, 12).await.is_none(), "nothing was begun");

    store.release(release("bob", &key(2), at(1)), at(1)).await.expect("it is there").expect("it is his");
    assert_eq!(try_as(2, 13, key(2).id()).await, refused, "whose handle was released");
    store.register(claim("bob", &key(2), at(2)), at(2)).await.expect("it is there").expect("it is his again");
    assert_eq!(try_as(2, 13, key(2).id()).await, NEW);
    let event = alice.deactivation();
    alice.store(&*store, &event).await.expect("it is there").expect("it is stored");
    assert_eq!(try_as(1, 14, alice.id()).await, refused, "whose chain has ended");
    assert_eq!(try_as(1, 11, alice.id()).await, refused);
    assert_eq!(add(&*store, commit(11, 1, 0), at(1)).await, new(2), "conversations go on without who started them");
}

pub(crate) async fn a_commit_is_judged_in_order(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    assert_eq!(add(&*store, commit(7, 1, 0), at(0)).await, Err(CommitRefusal::NotFound));
    begin(&*store, 7).await;
    let with = |epoch: u64, gate: [u8; 32], number: u16| {
        Commit::new(id(7), epoch, &gate, gate_hash(7, epoch + 1), commit(7, epoch, number).bytes)
    };
    assert_eq!(add(&*store, with(1, gate(8, 1), 0), at(0)).await, Err(CommitRefusal::NotAMember));
    assert_eq!(add(&*store, with(1, gate_hash(7, 1), 0), at(0)).await, Err(CommitRefusal::NotAMember), "its hash");
    for epoch in [0, 2, u64::MAX] {
        let number = if epoch == u64::MAX { 1 } else { epoch };
        let early = Commit { epoch, ..with(number, gate(7, 1), 0) };
        assert_eq!(
            add(&*store, early, at(0)).await,
            Err(CommitRefusal::Conflict(1)),
            "the epoch comes before the gate"
        );
    }
    assert_eq!(add(&*store, commit(7, 1, 0), at(0)).await, new(2));
    go_on(&*store, 7, 2..5, at(0)).await;
    // What is in the log is known by its bytes alone.
    let again = Commit::new(id(7), 99, &[0; 32], [0; 32], commit(7, 1, 0).bytes);
    assert_eq!(add(&*store, again, at(0)).await, known(2));
    assert_eq!(add(&*store, with(4, gate(8, 4), 0), at(0)).await, known(5));
    assert_eq!(add(&*store, with(4, gate(8, 4), 1), at(0)).await, Err(CommitRefusal::Conflict(5)));
    assert_eq!(add(&*store, with(5, gate(7, 4), 1), at(0)).await, Err(CommitRefusal::NotAMember), "a past gate");
    // Another conversation is another one.
    begin(&*store, 8).await;
    let same = Commit::new(id(8), 1, &gate(8, 1), gate_hash(8, 2), commit(7, 1, 0).bytes);
    assert_eq!(add(&*store, same, at(0)).await, new(2));
    assert_eq!(engine.rows_of_conversations().await[..3], [2, 5, 1]);
}

pub(crate) async fn a_log_is_read_in_parts(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    assert!(log(&*store, 7).await.is_none(), "nobody started it");
    begin(&*store, 7).await;
    assert_eq!(epochs(7, &log(&*store, 7).await.expect("it was started")), (vec![], 1, 1));
    go_on(&*store, 7, 1..9, at(3)).await;
    for (after, limit, expected) in
        [(0, 3, vec![1, 2, 3]), (3, 3, vec![4, 5, 6]), (6, 3, vec![7, 8]), (8, 3, vec![]), (u64::MAX, 3, vec![])]
    {
        let log = part(&*store, 7, after, limit).await.expect("it was started");
        assert_eq!(epochs(7, &log), (expected, 1, 9), "after {after}");
    }
    begin(&*store, 8).await;
    for epoch in 1..4 {
        let bytes = vec![u8::try_from(epoch).expect("small"); 1_000];
        assert_eq!(add(&*store, commit_of(8, epoch, bytes), at(0)).await, new(epoch + 1));
    }
    for (room, expected) in [(0, 1), (1_999, 1), (2_000 + Part::AROUND, 1), (2_000 + 2 * Part::AROUND, 2), (9_999, 3)] {
        let part = Part { after: 0, limit: 100, bytes: room };
        let log = store.read_log(&id(8), part).await.expect("it is there").expect("it was started");
        assert_eq!(log.entries.len(), expected, "{room}");
    }
}

pub(crate) async fn a_log_is_read_while_nothing_can_be_written(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    begin(&*store, 7).await;
    go_on(&*store, 7, 1..3, at(0)).await;
    engine.block().await;
    let (started, added, read) = tokio::join!(
        store.start_conversation(starting(8, 1, at(0)), at(0)),
        store.add_commit(commit(7, 3, 0), at(0)),
        log(&*store, 7),
    );
    assert!(matches!(started, Err(StoreError::Unavailable(_))), "{started:?}");
    assert!(matches!(added, Err(StoreError::Unavailable(_))), "{added:?}");
    assert_eq!(epochs(7, &read.expect("it was started")), (vec![1, 2], 1, 3));
    engine.unblock().await;
    assert_eq!(add(&*store, commit(7, 3, 0), at(0)).await, new(4), "nothing had been changed");
    assert_eq!(start(&*store, starting(8, 1, at(0))).await, NEW);
}
