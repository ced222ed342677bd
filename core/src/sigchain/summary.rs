//! What a registry of handles has to know of a chain: who speaks for it, and which keys are taken by it.

use super::body::Body;
use super::chain::{Chain, Step};
use super::state::{RevokedFor, State};
use super::undo::Undo;
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;
use crate::sorted::Sorted;

/// A chain in short: as a whole, or as it went on since it had fewer entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The chain's genesis key.
    pub chain: KeyId,
    /// The newest event's id.
    pub head: Hash,
    /// How many entries the audit log has; the last of them is `head`.
    pub entries: u64,
    /// The key that speaks for the identity.
    pub primary: KeyId,
    /// Whether further events are taken.
    pub active: bool,
    /// The chain's home. Where that is not this server, the chain stands for nobody here.
    pub home: ServerName,
    /// How many entries the log had when `keys` was as it is but for what it names; 0 when it names all.
    pub since: u64,
    /// Every key that proved itself in the chain: the chain key, each primary and each device, now or before; and
    /// whether it still stands for the identity, as the primary or as an active device. Keys that are only listed for
    /// rotation proved nothing and are not here, nor are those of displaced events.
    pub keys: Sorted<KeyId, bool>,
}

impl Summary {
    /// Whether the identity is in use at this server: it was not ended, and its home is here.
    #[must_use]
    pub fn is_in_use_at(&self, server: &ServerName) -> bool {
        self.active && self.home == *server
    }

    /// What this comes to with `later`, which goes on where this ends.
    #[must_use]
    pub fn then(self, later: Summary) -> Summary {
        if later.since == 0 {
            return later;
        }
        let mut keys = self.keys;
        keys.extend(later.keys);
        Summary { since: self.since, keys, ..later }
    }
}

impl Chain {
    /// The chain in short; none before the genesis.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let head = self.head()?.hash;
        self.state().map(|state| self.summarise(state, head, self.links().len(), self.entries() as u64))
    }

    /// The chain in short as it will be once `step` is added; none when the step is no longer next. It names the keys that
    /// the step changes, or all of them when it is a genesis or a fork: whoever keeps a chain's keys pays for an event and
    /// not for the chain's length.
    #[must_use]
    pub fn summary_after(&self, step: &Step) -> Option<Summary> {
        let before = self.before(step)?;
        let (head, entries) = (step.event().id(), self.entries() as u64 + 1);
        if step.is_new_beginning() {
            let mut state = before.clone();
            Undo::apply(&mut state, step.event());
            let mut summary = self.summarise(&state, head, step.kept(), entries);
            // The primary that a rotation replaces is in no undo yet.
            if !summary.keys.contains_key(&before.primary) {
                summary.keys.insert(before.primary, false);
            }
            return Some(summary);
        }
        let (mut primary, mut active, mut home) = (before.primary, before.active, before.server.clone());
        let mut keys = Sorted::default();
        match step.event().body() {
            Body::AddDeviceKey { key, .. } => drop(keys.insert(*key, true)),
            Body::RevokeKey { key, .. } => drop(keys.insert(*key, false)),
            Body::RotatePrimary { primary: next, .. } => {
                keys.extend([(primary, false), (*next, true)]);
                primary = *next;
            }
            Body::ServerMove { to, .. } => home.clone_from(to),
            Body::Deactivate { .. } => active = false,
            Body::Genesis { .. } | Body::ClaimAdd { .. } | Body::ClaimRemove { .. } | Body::Unlisted { .. } => {}
        }
        Some(Summary { chain: self.id(), head, entries, primary, active, home, since: entries - 1, keys })
    }

    /// Whether `key` is the primary, or was in an event that was not displaced.
    #[must_use]
    pub fn had_primary(&self, key: &KeyId) -> bool {
        self.state().is_some_and(|state| state.primary == *key)
            || self.links().iter().any(|link| link.undo.replaced_primary() == Some(*key))
    }

    /// Whether `key` stands for the identity now: as its primary or an active device of a chain that is in use, or as
    /// the chain key itself before the genesis.
    #[must_use]
    pub fn is_spoken_for_by(&self, key: &KeyId) -> bool {
        match self.state() {
            Some(state) => state.active && (state.primary == *key || state.devices.contains_key(key)),
            None => self.id() == *key,
        }
    }

    /// `kept` is how many of the links lead to `state`.
    fn summarise(&self, state: &State, head: Hash, kept: usize, entries: u64) -> Summary {
        let undone = self.links().iter().take(kept).filter_map(|link| link.undo.replaced_primary());
        let revoked = state.revoked.iter().filter(|(_, why)| matches!(why.reason, RevokedFor::Device(_)));
        let mut keys: Sorted<KeyId, bool> = undone.map(|key| (key, false)).collect();
        keys.insert(self.id(), false);
        keys.extend(revoked.map(|(key, _)| (*key, false)));
        keys.extend(state.devices.keys().map(|key| (*key, true)));
        keys.insert(state.primary, true);
        let (primary, active, home) = (state.primary, state.active, state.server.clone());
        Summary { chain: self.id(), head, entries, primary, active, home, since: 0, keys }
    }
}
