//! How much a server takes. Verification has no such limits: a log that is longer is still a log.

use super::Reason;
use super::body::Body;
use super::chain::{Chain, SECONDS_PER_DAY, Step};
use super::ranks::Ranks;
use super::state::State;
use super::undo::Undo;

/// Largest audit log, in bytes, that a reader has to be ready for: one of a server that keeps to [`Limits::CONTRACT`], with
/// its receipts, is smaller by a quarter.
pub const MAX_AUDIT_BYTES: usize = 4 * 1024 * 1024;

/// How much of one chain a server takes. What is so by default is the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Active devices.
    pub devices: usize,
    /// Current claims.
    pub claims: usize,
    /// Unlisted events in the chain.
    pub unlisted: usize,
    /// Entries of the audit log that one device signs.
    pub by_device: usize,
    /// Entries that one key signs within 24 hours, recovery forks aside.
    pub a_day: usize,
    /// Characters (code points) of a reason that is given in words.
    pub reason: usize,
    /// Canonical bytes of all events in the audit log.
    pub bytes: u64,
    /// The last of them, which are kept for getting an identity back.
    pub reserve: u64,
    /// Entries of a log that is taken over whole.
    pub entries: usize,
}

impl Limits {
    /// What every server keeps to.
    pub const CONTRACT: Limits = Limits {
        devices: 64,
        claims: 64,
        unlisted: 64,
        by_device: 1_000,
        a_day: 100,
        reason: 200,
        bytes: 1024 * 1024,
        reserve: 64 * 1024,
        entries: 10_000,
    };

    /// The same for a chain of so many bytes that was there before there were limits: it keeps what it has, and has the
    /// reserve beyond it.
    #[must_use]
    pub fn beyond(&self, bytes: u64) -> Limits {
        Limits { bytes: self.bytes.max(bytes.saturating_add(self.reserve)), ..self.clone() }
    }

    /// What is left of the room for everybody's events.
    const fn common(&self) -> u64 {
        self.bytes.saturating_sub(self.reserve)
    }

    /// How much of the reserve the recoveries of a key may fill that has this rank. The highest may use all of it, and three
    /// quarters nobody else: for a fork, and for revoking again whatever it brings back. Of the last quarter each rank
    /// leaves a part to the higher ones.
    const fn share(&self, rank: usize) -> u64 {
        match rank {
            0 => self.reserve,
            1 => self.reserve / 4,
            2 => self.reserve / 16 * 3,
            3 => self.reserve / 8,
            _ => self.reserve / 16,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::CONTRACT
    }
}

/// How an event comes to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// By itself.
    Alone,
    /// In a whole log, which is taken over.
    InALog,
}

impl Chain {
    /// Whether a server should take this step, which passed every check. However much a thief writes, who ranks higher
    /// than all of the thief's keys is not locked out: limits of number do not refuse rotating, revoking, removing and
    /// deactivating with a rotation key, recoveries count for no limit of time, and some room is theirs alone.
    ///
    /// # Errors
    /// [`Reason::LimitReached`].
    pub fn within_limits(&self, step: &Step, limits: &Limits, arrival: Arrival) -> Result<(), Reason> {
        let is_within = self.is_within_numbers(step, limits)
            && self.has_room(step, limits)
            && match arrival {
                Arrival::Alone => step.is_fork() || self.signed_lately(step) < limits.a_day,
                Arrival::InALog => self.entries() < limits.entries,
            };
        if is_within { Ok(()) } else { Err(Reason::LimitReached) }
    }

    fn is_within_numbers(&self, step: &Step, limits: &Limits) -> bool {
        let Some(before) = self.before(step) else { return true };
        let (event, signer) = (step.event(), &step.event().signer);
        let frees = matches!(
            event.body,
            Body::RotatePrimary { .. } | Body::RevokeKey { .. } | Body::ClaimRemove { .. } | Body::Deactivate { .. }
        );
        if frees && before.rotation_keys.contains(signer) {
            return true;
        }
        let is_full = match event.body {
            Body::AddDeviceKey { .. } => before.devices.len() >= limits.devices,
            Body::ClaimAdd { .. } => before.claims.len() >= limits.claims,
            Body::Unlisted { .. } => {
                self.links().iter().filter(|link| matches!(link.undo, Undo::Unlisted)).count() >= limits.unlisted
            }
            _ => false,
        };
        let device_is_done = before.devices.contains_key(signer) && self.signed_by(signer) >= limits.by_device;
        !is_full && !device_is_done
    }

    /// Whether there is room for the event's bytes, and for its words.
    fn has_room(&self, step: &Step, limits: &Limits) -> bool {
        let event = step.event();
        if matches!(&event.body, Body::Deactivate { reason: Some(reason) } if reason.chars().count() > limits.reason) {
            return false;
        }
        let after = self.bytes() + event.bytes.len() as u64;
        if after <= limits.common() {
            return true;
        }
        let allowed = match self.before(step) {
            Some(before) if self.head().is_some() => limits.common() + self.share(step, before, limits),
            // A genesis, which nobody could have got in the way of.
            _ => limits.bytes,
        };
        after <= allowed
    }

    /// How much of the reserve the event may fill.
    fn share(&self, step: &Step, before: &State, limits: &Limits) -> u64 {
        let links = self.links().get(..step.kept()).unwrap_or_default();
        let ranks = Ranks::of(links, &before.rotation_keys, step.received_at());
        let signer = &step.event().signer;
        match ranks.of_key(signer) {
            Some(rank) if step.is_fork() => limits.share(rank),
            _ if ranks.is_first(signer) => limits.reserve,
            _ => 0,
        }
    }

    /// How many entries the signer signed in the 24 hours before, recovery forks aside.
    fn signed_lately(&self, step: &Step) -> usize {
        let is_late = |at: crate::Timestamp| at.after(SECONDS_PER_DAY) > step.received_at();
        self.recent()
            .iter()
            .rev()
            .take_while(|(_, at)| is_late(*at))
            .filter(|(key, _)| *key == step.event().signer)
            .count()
    }
}
