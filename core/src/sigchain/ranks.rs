//! Who ranks how high, whatever was done to the list of rotation keys in the last 72 hours.
//!
//! Whoever may rotate can put keys of their own in front. A recovery can undo that for 72 hours, so until then the place in
//! the list says nothing about who is the owner. What counts is the list that was in force before, and who brought in a
//! key that is not on it.

use super::RECOVERY_WINDOW_SECS;
use super::link::Link;
use super::undo::Undo;
use crate::key::KeyId;
use crate::sorted::Sorted;
use crate::time::Timestamp;

/// The ranks of a chain's rotation keys at one place of it; 0 is the highest.
#[derive(Debug)]
pub(super) struct Ranks {
    first: Option<KeyId>,
    all: Sorted<KeyId, usize>,
}

impl Ranks {
    /// The ranks behind these events, which lead to the list `current`, at the time `now`. They begin with the list that
    /// was in force before the first of the events that was received in the last 72 hours, at the earliest that of the
    /// genesis. A rotation since then gives no key a higher rank than that of the key that signed it.
    pub(super) fn of(links: &[Link], current: &[KeyId], now: Timestamp) -> Ranks {
        let settled = links.partition_point(|link| link.received_at.after(RECOVERY_WINDOW_SECS) < now).max(1);
        let mut list = current;
        let mut rotations = Vec::new();
        for link in links.get(settled..).unwrap_or_default().iter().rev() {
            if let Undo::Rotated(before) = &link.undo {
                rotations.push((link.signer, list));
                list = &before.rotation_keys;
            }
        }
        let mut ranks = Ranks { first: list.first().copied(), all: list.iter().copied().zip(0..).collect() };
        for (signer, list) in rotations.into_iter().rev() {
            let highest = ranks.of_key(&signer).unwrap_or(usize::MAX);
            for (place, key) in list.iter().enumerate() {
                let rank = ranks.of_key(key).unwrap_or(usize::MAX).min(place.max(highest));
                ranks.all.insert(*key, rank);
            }
        }
        ranks
    }

    /// Whether `key` is the first of the list that was in force.
    pub(super) fn is_first(&self, key: &KeyId) -> bool {
        self.first == Some(*key)
    }

    /// The rank of a rotation key; none of another one.
    pub(super) fn of_key(&self, key: &KeyId) -> Option<usize> {
        self.all.get(key).copied()
    }
}
