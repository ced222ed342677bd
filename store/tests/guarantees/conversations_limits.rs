//! Nobody has more kept of conversations than is good for the others, and nothing is kept for longer than is said.

use kez_store::conversations::{CommitRefusal, Committed, StartRefusal};

use super::engine::Engine;
use super::people::{at, key, register};
use super::talkers::{add, begin, commit, commit_of, epochs, go_on, log, start, starting};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

pub(crate) async fn an_identity_starts_so_many_in_a_day(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    for number in 0..20 {
        start(&*store, starting(number, 1, at(i64::from(number)))).await.expect("it may");
    }
    let late = |conversation, seconds| start(&*store, starting(conversation, 1, at(seconds)));
    assert_eq!(late(20, 30).await, Err(StartRefusal::TooOften(86_370)));
    assert_eq!(late(20, DAY - 1).await, Err(StartRefusal::TooOften(1)));
    assert!(late(3, 30).await.is_ok(), "what is known is answered all the same");
    let taken = start(&*store, starting(3, 2, at(30))).await;
    assert_eq!(taken, Err(StartRefusal::Conflict));
    assert!(start(&*store, starting(21, 2, at(30))).await.is_ok(), "another identity may");
    assert!(late(20, DAY).await.is_ok(), "the first one is a day old");
    assert_eq!(late(22, DAY).await, Err(StartRefusal::TooOften(1)));
}

pub(crate) async fn starts_at_once_are_counted_too(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = store.clone();
        racing.spawn(async move { start(&*store, starting(number, 1, at(0))).await });
    }
    let answers = racing.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 20);
    assert_eq!(engine.rows_of_conversations().await[0], 20);
}

pub(crate) async fn a_conversation_has_so_many_commits_in_an_hour(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    begin(&*store, 7).await;
    begin(&*store, 8).await;
    for epoch in 1..=60 {
        let now = at(10 + i64::try_from(epoch).expect("small"));
        add(&*store, commit(7, epoch, 0), now).await.expect("it may");
    }
    let next = |seconds| add(&*store, commit(7, 61, 0), at(seconds));
    assert_eq!(next(100).await, Err(CommitRefusal::TooMany(3_511)));
    assert_eq!(next(10 + HOUR).await, Err(CommitRefusal::TooMany(1)));
    // Everything else is said before that.
    assert_eq!(add(&*store, commit(7, 60, 1), at(100)).await, Err(CommitRefusal::Conflict(61)));
    assert_eq!(add(&*store, commit(7, 60, 0), at(100)).await, Ok(Committed { epoch: 61, is_new: false }));
    let stranger = kez_store::conversations::Commit { gate_hash: [0; 32], ..commit(7, 61, 0) };
    assert_eq!(add(&*store, stranger, at(100)).await, Err(CommitRefusal::NotAMember));
    assert!(add(&*store, commit(8, 1, 0), at(100)).await.is_ok(), "another conversation may");
    assert!(next(11 + HOUR).await.is_ok(), "the first one is an hour old");
    let more = add(&*store, commit(7, 62, 0), at(11 + HOUR)).await;
    assert_eq!(more, Err(CommitRefusal::TooMany(1)), "the second is not yet");
    assert!(add(&*store, commit(7, 62, 0), at(12 + HOUR)).await.is_ok());
}

pub(crate) async fn commits_at_once_are_counted_too(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    begin(&*store, 7).await;
    go_on(&*store, 7, 1..51, at(0)).await;
    // One member that sends one behind the other without waiting: some share a group.
    let many = (51..81).map(|epoch| add(&*store, commit(7, epoch, 0), at(1)));
    let answers = futures_util::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10, "{answers:?}");
    assert_eq!(log(&*store, 7).await.expect("it was started").epoch, 61);
}

pub(crate) async fn a_log_and_a_starter_have_so_many_bytes(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    // The engine's stories have room for a 1,024th of what the server has.
    for conversation in 1..10 {
        begin(&*store, conversation).await;
    }
    for epoch in 1..=128_u64 {
        let now = at(i64::try_from(epoch).expect("small") * 60);
        let each = (1..9).map(|conversation| {
            let bytes = [epoch.to_be_bytes().as_slice(), &[conversation; 56]].concat();
            add(&*store, commit_of(conversation, epoch, bytes), now)
        });
        let added = futures_util::future::join_all(each).await;
        assert!(added.iter().all(Result::is_ok), "there is room: {added:?}");
        if epoch == 128 {
            let full = add(&*store, commit_of(1, 129, vec![1]), at(DAY)).await;
            assert_eq!(full, Err(CommitRefusal::TooMany(90 * 86_400 + 60 - 86_400)), "until the first one goes");
        }
    }
    assert_eq!(engine.rows_of_conversations().await, [9, 1_024, 1, 64 << 10]);
    let full = add(&*store, commit_of(9, 1, vec![1]), at(DAY)).await;
    assert_eq!(full, Err(CommitRefusal::TooMany(86_400)), "what one identity started counts together");
    start(&*store, starting(10, 2, at(0))).await.expect("it may");
    assert!(add(&*store, commit_of(10, 1, vec![1]), at(DAY)).await.is_ok(), "another one's is another one's");
    // When the first one of the first conversation is over, there is room again.
    let over = at(90 * DAY + 60);
    for _ in 0..9 {
        // What is over goes a little at a time, whenever something is written.
        let number = epochs(10, &log(&*store, 10).await.expect("it was started")).2;
        add(&*store, commit_of(10, number, number.to_be_bytes().to_vec()), over).await.expect("it may");
    }
    assert!(add(&*store, commit_of(1, 129, vec![1]), over).await.is_ok());
    assert!(add(&*store, commit_of(9, 1, vec![1]), over).await.is_ok());
}

pub(crate) async fn commits_are_kept_for_ninety_days(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    for conversation in [7, 8, 9] {
        begin(&*store, conversation).await;
    }
    go_on(&*store, 7, 1..51, at(0)).await;
    go_on(&*store, 7, 51..101, at(HOUR)).await;
    go_on(&*store, 8, 1..11, at(0)).await;
    // The first goes on, the second does not, the third makes the server look.
    let look = |epoch, seconds| go_on(&*store, 9, epoch..epoch + 1, at(seconds));
    go_on(&*store, 7, 101..102, at(80 * DAY)).await;
    look(1, 90 * DAY - 1).await;
    assert_eq!(epochs(7, &log(&*store, 7).await.expect("it was started")).1, 1, "all of them");
    assert_eq!(epochs(8, &log(&*store, 8).await.expect("it was started")), ((1..11).collect(), 1, 11));
    look(2, 90 * DAY + 60).await;
    let (kept, oldest, current) = epochs(7, &log(&*store, 7).await.expect("it was started"));
    assert_eq!((kept.first(), kept.len(), oldest, current), (Some(&38), 64, 38, 102), "the last 64 of what goes on");
    assert_eq!(epochs(8, &log(&*store, 8).await.expect("it was started")), (vec![], 11, 11), "none of what does not");
    look(3, 90 * DAY + 2 * HOUR).await;
    assert_eq!(epochs(7, &log(&*store, 7).await.expect("it was started")).0.len(), 64);
    // What is not in the log is not known there.
    assert_eq!(add(&*store, commit(8, 3, 0), at(91 * DAY)).await, Err(CommitRefusal::Conflict(11)));
    // Whatever is deleted, where it stands is known, and whose it is.
    assert!(start(&*store, starting(8, 1, at(91 * DAY))).await.is_ok());
    go_on(&*store, 8, 11..12, at(91 * DAY)).await;
    assert_eq!(epochs(8, &log(&*store, 8).await.expect("it was started")), (vec![11], 11, 12));
    // With each further commit an old one goes.
    go_on(&*store, 7, 102..104, at(91 * DAY)).await;
    look(4, 91 * DAY + 61).await;
    assert_eq!(epochs(7, &log(&*store, 7).await.expect("it was started")).1, 40);
    look(5, 181 * DAY + 1).await;
    assert_eq!(epochs(7, &log(&*store, 7).await.expect("it was started")), (vec![], 104, 104));
    look(6, 182 * DAY).await;
    assert_eq!(engine.rows_of_conversations().await[..3], [3, 6, 1], "the third is alive");
}

pub(crate) async fn much_that_is_over_goes_in_pieces(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    register(&*store, "bob", &key(2)).await.expect("it is free");
    for conversation in 1..7 {
        begin(&*store, conversation).await;
    }
    for (from, hour) in [(1, 0), (61, 1), (121, 2)] {
        let each = (1..7).map(|conversation| go_on(&*store, conversation, from..from + 60, at(HOUR * hour)));
        futures_util::future::join_all(each).await;
    }
    assert_eq!(engine.rows_of_conversations().await[1], 6 * 180);
    start(&*store, starting(50, 2, at(0))).await.expect("it may");
    let mut before = 6 * 180;
    for epoch in 1..20 {
        go_on(&*store, 50, epoch..epoch + 1, at(100 * DAY)).await;
        let after = engine.rows_of_conversations().await[1] - i64::try_from(epoch).expect("small");
        assert!(before - after <= 128, "{before} {after}");
        before = after;
    }
    assert_eq!(before, 0);
    for conversation in 1..7 {
        let log = log(&*store, conversation).await.expect("it was started");
        assert_eq!(epochs(conversation, &log), (vec![], 181, 181));
    }
}

pub(crate) async fn a_clock_that_was_ahead_stops_no_conversation(engine: &dyn Engine) {
    let store = engine.open().await;
    register(&*store, "alice", &key(1)).await.expect("it is free");
    let ahead = 400 * DAY;
    for number in 0..20 {
        start(&*store, starting(number, 1, at(ahead))).await.expect("it may");
    }
    go_on(&*store, 0, 1..61, at(ahead)).await;
    assert_eq!(add(&*store, commit(0, 61, 0), at(ahead)).await, Err(CommitRefusal::TooMany(3_600)));
    start(&*store, starting(20, 1, at(0))).await.expect("those were of no day that has been");
    add(&*store, commit(0, 61, 0), at(0)).await.expect("neither were these");
}
