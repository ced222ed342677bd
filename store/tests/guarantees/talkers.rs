//! Those who have conversations.

use kez_core::conversation_start::{AdmittedStart, Start};
use kez_core::{Admission, Hash, KeyId, Timestamp};
use kez_store::Store;
use kez_store::conversations::{Commit, CommitRefusal, Committed, ConversationId, Log, Part, StartRefusal, Started};

use super::people::{at, key, server};

/// What members of an epoch of a conversation know.
pub(crate) fn gate(conversation: u8, epoch: u64) -> [u8; 32] {
    *Hash::of(&[&[conversation], epoch.to_be_bytes().as_slice()].concat()).as_bytes()
}

/// What everybody may know of it.
pub(crate) fn gate_hash(conversation: u8, epoch: u64) -> [u8; 32] {
    *Hash::of(&gate(conversation, epoch)).as_bytes()
}

pub(crate) const fn id(conversation: u8) -> ConversationId {
    [conversation; 16]
}

/// The start of a conversation by the key of `from` itself.
pub(crate) fn starting(conversation: u8, from: u8, now: Timestamp) -> AdmittedStart {
    starting_by(from, conversation, key(from).id(), gate_hash(conversation, 1), now)
}

/// The start of a conversation by any key, with any gate.
pub(crate) fn starting_by(
    signer: u8,
    conversation: u8,
    from: KeyId,
    gate: [u8; 32],
    created_at: Timestamp,
) -> AdmittedStart {
    let start = Start { conversation: id(conversation), from, server: server(), created_at, gate };
    let text = start.sign(&key(signer));
    Admission { server: &server(), now: created_at }.conversation_start(&text).expect("a good one")
}

/// Starts a conversation.
pub(crate) async fn start(store: &dyn Store, start: AdmittedStart) -> Result<Started, StartRefusal> {
    let now = start.created_at;
    store.start_conversation(start, now).await.expect("the database is there")
}

/// Starts a conversation of the first identity at the beginning.
pub(crate) async fn begin(store: &dyn Store, conversation: u8) {
    assert_eq!(start(store, starting(conversation, 1, at(0))).await, Ok(Started { is_new: true }));
}

/// A member's commit, unlike those of other numbers.
pub(crate) fn commit(conversation: u8, epoch: u64, number: u16) -> Commit {
    commit_of(conversation, epoch, format!("commit {number} of {epoch}").into_bytes())
}

/// A member's commit of these bytes.
pub(crate) fn commit_of(conversation: u8, epoch: u64, bytes: Vec<u8>) -> Commit {
    Commit::new(id(conversation), epoch, &gate(conversation, epoch), gate_hash(conversation, epoch + 1), bytes)
}

/// Has a commit added.
pub(crate) async fn add(store: &dyn Store, commit: Commit, now: Timestamp) -> Result<Committed, CommitRefusal> {
    store.add_commit(commit, now).await.expect("the database is there")
}

/// Has commits added for each of these epochs, at one time.
pub(crate) async fn go_on(store: &dyn Store, conversation: u8, epochs: std::ops::Range<u64>, now: Timestamp) {
    for epoch in epochs {
        let added = add(store, commit(conversation, epoch, 0), now).await;
        assert_eq!(added, Ok(Committed { epoch: epoch + 1, is_new: true }), "{epoch}");
    }
}

/// The part of a log that somebody gets who names no part.
pub(crate) async fn log(store: &dyn Store, conversation: u8) -> Option<Log> {
    part(store, conversation, 0, 100).await
}

pub(crate) async fn part(store: &dyn Store, conversation: u8, after: u64, limit: u64) -> Option<Log> {
    let part = Part { after, limit, bytes: 1 << 20 };
    store.read_log(&id(conversation), part).await.expect("the database is there")
}

/// A log's epochs: of its commits, the oldest one, the current one. Its gates are looked at beside it.
pub(crate) fn epochs(conversation: u8, log: &Log) -> (Vec<u64>, u64, u64) {
    assert!(log.gate == gate_hash(conversation, log.epoch), "the gate of the current epoch");
    assert!(log.oldest_gate == gate_hash(conversation, log.oldest), "the gate of the oldest epoch");
    for entry in &log.entries {
        assert!(entry.next_gate == gate_hash(conversation, entry.epoch + 1), "{}", entry.epoch);
    }
    (log.entries.iter().map(|entry| entry.epoch).collect(), log.oldest, log.epoch)
}
