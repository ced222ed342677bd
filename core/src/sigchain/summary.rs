//! What a registry of handles has to know of a chain: who speaks for it, and which keys are taken by it.

use super::chain::{Chain, Step};
use super::state::{RevokedFor, State};
use super::undo::Undo;
use crate::hash::Hash;
use crate::key::KeyId;
use crate::sorted::Sorted;

/// A chain in short.
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
    /// Every key that proved itself in the chain: the chain key, each primary and each device, now or before; and
    /// whether it still stands for the identity, as the primary or as an active device. Keys that are only listed for
    /// rotation proved nothing and are not here, nor are those of displaced events.
    pub keys: Sorted<KeyId, bool>,
}

impl Chain {
    /// The chain in short; none before the genesis.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let head = self.head()?.hash;
        self.state().map(|state| self.summarise(state, head, self.links().len(), self.entries() as u64))
    }

    /// The chain in short as it will be once `step` is added; none when the step is no longer next.
    #[must_use]
    pub fn summary_after(&self, step: &Step) -> Option<Summary> {
        let mut state = self.before(step)?.clone();
        Undo::apply(&mut state, step.event());
        let mut summary = self.summarise(&state, step.event().id(), step.kept(), self.entries() as u64 + 1);
        // The primary that a rotation replaces is in no undo yet.
        let primary = self.before(step)?.primary;
        if !summary.keys.contains_key(&primary) {
            summary.keys.insert(primary, false);
        }
        Some(summary)
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
        Summary { chain: self.id(), head, entries, primary: state.primary, active: state.active, keys }
    }
}
