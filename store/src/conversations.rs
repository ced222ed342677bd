//! The order of conversations' commits: one an epoch, whoever comes first. What a commit says, nobody here knows.

use async_trait::async_trait;
use kez_core::conversation_start::AdmittedStart;
use kez_core::{Hash, Timestamp};

use crate::{Database, StoreError};

/// A conversation's id. Whoever knows it may read the conversation's log, so it is shown nowhere.
pub type ConversationId = [u8; 16];

/// How much is taken of anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Conversations that an identity may start in a day.
    pub starts_per_day: u64,
    /// Commits that a conversation may have accepted in an hour.
    pub commits_per_hour: u64,
    /// Bytes of commits that are kept of a conversation.
    pub log_bytes: u64,
    /// Bytes of commits that are kept of all conversations that one identity started.
    pub starter_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { starts_per_day: 20, commits_per_hour: 60, log_bytes: 8 << 20, starter_bytes: 64 << 20 }
    }
}

/// An accepted start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Whether this request began the conversation; `false` when it was begun just so before.
    pub is_new: bool,
}

/// Why a conversation was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartRefusal {
    /// The signer does not stand for the identity, or that has no live handle here.
    NotAuthorised,
    /// There is a conversation of this id that another identity started, or that began with another gate.
    Conflict,
    /// The identity starts too many; so many seconds until it may again.
    TooOften(u64),
}

/// A commit that somebody wants to be the one of its epoch.
#[derive(Clone, PartialEq, Eq)]
pub struct Commit {
    /// The conversation.
    pub conversation: ConversationId,
    /// The epoch that it ends.
    pub epoch: u64,
    /// SHA-256 of what is said to be what members of that epoch know.
    pub gate_hash: [u8; 32],
    /// SHA-256 of what members of the next epoch know.
    pub next_gate: [u8; 32],
    /// SHA-256 of `bytes`.
    pub hash: Hash,
    /// The commit.
    pub bytes: Vec<u8>,
}

impl Commit {
    /// Of what was sent; `gate` is what members of `epoch` know.
    #[must_use]
    pub fn new(conversation: ConversationId, epoch: u64, gate: &[u8; 32], next_gate: [u8; 32], bytes: Vec<u8>) -> Self {
        let (gate_hash, hash) = (*Hash::of(gate).as_bytes(), Hash::of(&bytes));
        Commit { conversation, epoch, gate_hash, next_gate, hash, bytes }
    }
}

/// An accepted commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The epoch that it begins.
    pub epoch: u64,
    /// Whether this request added it; `false` when it was in the log before.
    pub is_new: bool,
}

/// Why a commit was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitRefusal {
    /// Nobody started the conversation.
    NotFound,
    /// This is the current epoch, and it is another one than the commit's.
    Conflict(u64),
    /// Whoever sent it does not know what members of the epoch know.
    NotAMember,
    /// The conversation had too many lately, or its log or those of its starter are full; so many seconds until that may be
    /// different.
    TooMany(u64),
}

/// A commit of the log.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The epoch that it ended.
    pub epoch: u64,
    /// The commit.
    pub bytes: Vec<u8>,
    /// SHA-256 of what members of the next epoch know.
    pub next_gate: [u8; 32],
    /// When it was accepted, by the server's clock.
    pub received_at: Timestamp,
}

/// Which part of a log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Commits of later epochs than this one.
    pub after: u64,
    /// So many at most.
    pub limit: u64,
    /// So many bytes of them at most, each with [`Part::AROUND`]; one in any case.
    pub bytes: usize,
}

impl Part {
    /// What a commit counts beside its own bytes.
    pub const AROUND: usize = 128;
}

/// A part of a conversation's log, and where it stands, at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Log {
    /// Commits, in the order of their epochs.
    pub entries: Vec<Entry>,
    /// The current epoch.
    pub epoch: u64,
    /// SHA-256 of what its members know.
    pub gate: [u8; 32],
    /// The first epoch whose commit is kept; the current one when none is.
    pub oldest: u64,
    /// SHA-256 of what members of that epoch know.
    pub oldest_gate: [u8; 32],
    /// When the conversation was started, by the server's clock.
    pub started_at: Timestamp,
}

/// A durable order of commits.
#[async_trait]
pub trait Conversations: Database {
    /// Starts a conversation, atomically with every check that depends on what is stored. When this returns `Ok(Ok(_))` it
    /// is durable. It may be repeated, and then changes nothing.
    async fn start_conversation(
        &self,
        start: AdmittedStart,
        now: Timestamp,
    ) -> Result<Result<Started, StartRefusal>, StoreError>;

    /// Adds a commit to the log, if it is the first one of the current epoch. When this returns `Ok(Ok(_))` it is durable, and
    /// no other commit ends that epoch, ever, however many race. The same commit again, as long as it is in the log, gets
    /// the same answer.
    async fn add_commit(&self, commit: Commit, now: Timestamp) -> Result<Result<Committed, CommitRefusal>, StoreError>;

    /// A part of a log; none where nobody started the conversation. It waits for no writer, and shows what was durable at one
    /// moment.
    async fn read_log(&self, conversation: &ConversationId, part: Part) -> Result<Option<Log>, StoreError>;
}
