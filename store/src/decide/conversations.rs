//! Conversations: which commit is the one of its epoch, when that is too often, and how long it is kept.

use kez_core::conversation_start::AdmittedStart;
use kez_core::{KeyId, Timestamp};

use super::recent::{DAY, HOUR, Recent, until};
use crate::conversations::{Commit, CommitRefusal, Committed, Limits, StartRefusal, Started};

/// How long a commit is kept, in seconds.
pub(crate) const KEPT: i64 = 90 * DAY;
/// How many of the last commits are kept for longer, as long as the conversation goes on.
pub(crate) const KEPT_LAST: u64 = 64;

/// Whose a conversation is and what it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) from: KeyId,
    pub(crate) gate: [u8; 32],
}

/// What is stored about a start at the moment of the decision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StartView {
    /// Whether the signer stands for the identity, which has a live handle here and is in use.
    pub(crate) is_authorised: bool,
    /// The conversation of this id, if there is one.
    pub(crate) known: Option<Beginning>,
    /// What the identity started in the last day.
    pub(crate) starts: Recent,
}

/// Decides a start, in the protocol's order.
pub(crate) fn start(
    view: &StartView,
    start: &AdmittedStart,
    now: Timestamp,
    limits: &Limits,
) -> Result<Started, StartRefusal> {
    if !view.is_authorised {
        return Err(StartRefusal::NotAuthorised);
    }
    if let Some(known) = view.known {
        let is_same = known == Beginning { from: start.from, gate: start.gate };
        return if is_same { Ok(Started { is_new: false }) } else { Err(StartRefusal::Conflict) };
    }
    match view.starts.wait(limits.starts_per_day, DAY, now) {
        Some(wait) => Err(StartRefusal::TooOften(wait)),
        None => Ok(Started { is_new: true }),
    }
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The current epoch, and SHA-256 of what its members know.
    pub(crate) epoch: u64,
    pub(crate) gate: [u8; 32],
    /// The first epoch whose commit is kept, and SHA-256 of what its members know: the current one when none is.
    pub(crate) oldest: u64,
    pub(crate) oldest_gate: [u8; 32],
    /// When the first of the kept commits was accepted, and the last one; none when none is kept.
    pub(crate) kept_since: Option<Timestamp>,
    pub(crate) last_at: Option<Timestamp>,
    /// Bytes of commits that are kept.
    pub(crate) bytes: u64,
    /// When to look whether something is not kept any more: never too late, and at times too early. None when none is kept.
    pub(crate) look_at: Option<Timestamp>,
}

impl Head {
    /// Of a conversation that begins with this gate.
    pub(crate) const fn new(gate: [u8; 32]) -> Head {
        let (epoch, oldest) = (1, 1);
        Head { epoch, gate, oldest, oldest_gate: gate, kept_since: None, last_at: None, bytes: 0, look_at: None }
    }

    /// Goes on by a commit that was accepted.
    pub(crate) fn add(&mut self, commit: &Commit, now: Timestamp) {
        self.epoch += 1;
        self.gate = commit.next_gate;
        self.bytes += commit.bytes.len() as u64;
        self.kept_since.get_or_insert(now);
        self.last_at = Some(now);
        // Earlier is as good, and leaves what is stored as it was.
        let due = self.due();
        self.look_at = self.look_at.min(due).or(due);
    }

    /// The first epoch whose commit is to be kept, of those that are; `received_at` tells when the commit of an epoch was
    /// accepted, and is asked about one after the other.
    pub(crate) fn is_over(&self, epoch: u64, received_at: Timestamp, now: Timestamp) -> bool {
        let is_old = |at: Timestamp| at.unix() + KEPT <= now.unix();
        is_old(received_at) && (epoch + KEPT_LAST < self.epoch || self.last_at.is_none_or(is_old))
    }

    /// When the first of the kept commits is not to be kept any more, if nothing else happens.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let since = if self.oldest + KEPT_LAST < self.epoch { self.kept_since } else { self.last_at };
        since.map(|since| Timestamp::from_unix(since.unix() + KEPT))
    }
}

/// What is stored about a commit at the moment of the decision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommitView<'a> {
    /// Where its conversation stands, if there is one.
    pub(crate) head: Option<&'a Head>,
    /// The epoch that this very commit ended.
    pub(crate) known: Option<u64>,
    /// When the commit was accepted that is as many before it as may be accepted in an hour.
    pub(crate) paced_by: Option<Timestamp>,
    /// Bytes that are kept of the starter's conversations.
    pub(crate) starter_bytes: u64,
}

/// Decides a commit, in the protocol's order.
pub(crate) fn commit(
    view: &CommitView<'_>,
    commit: &Commit,
    now: Timestamp,
    limits: &Limits,
) -> Result<Committed, CommitRefusal> {
    let head = view.head.ok_or(CommitRefusal::NotFound)?;
    if let Some(epoch) = view.known {
        return Ok(Committed { epoch: epoch + 1, is_new: false });
    }
    if commit.epoch != head.epoch {
        return Err(CommitRefusal::Conflict(head.epoch));
    }
    if commit.gate_hash != head.gate {
        return Err(CommitRefusal::NotAMember);
    }
    // What is of a time that is still to come was accepted by a clock that was wrong, and is no measure.
    let is_recent = |at: &Timestamp| (now.unix() - HOUR + 1..=now.unix() + HOUR).contains(&at.unix());
    if let Some(at) = view.paced_by.filter(is_recent) {
        return Err(CommitRefusal::TooMany(until(at, HOUR, now)));
    }
    let bytes = commit.bytes.len() as u64;
    if head.bytes + bytes > limits.log_bytes {
        return Err(CommitRefusal::TooMany(until(head.kept_since.unwrap_or(now), KEPT, now)));
    }
    if view.starter_bytes + bytes > limits.starter_bytes {
        return Err(CommitRefusal::TooMany(DAY.unsigned_abs()));
    }
    Ok(Committed { epoch: head.epoch + 1, is_new: true })
}
