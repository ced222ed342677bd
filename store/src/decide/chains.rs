//! What a sigchain comes to, for the handle that belongs to it: the handle follows the chain's primary, and no key comes to
//! stand for two identities.

use std::collections::HashSet;

use kez_core::sigchain::{Reason, Summary};
use kez_core::{KeyId, ServerName, Sorted};

use crate::changes::Change;

/// What is done about keys of a chain that stand for another identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contested {
    /// An event that brings one in is not taken.
    Refused,
    /// The event was taken elsewhere: but for the primary, they do not stand for the chain here.
    LeftOut,
}

/// What is stored about one chain before it changes.
#[derive(Default)]
pub(crate) struct Before {
    /// The keys that the chain's summary is about, and all that stand for the chain, each with whether it does.
    pub(crate) keys: Sorted<KeyId, bool>,
    /// The live handle and its primary key, as text.
    pub(crate) live: Option<(String, String)>,
    /// Whether the identity was in use here.
    pub(crate) was_in_use: bool,
}

/// Whether an identity with such a row is in use at `server`. A home that was not read yet is taken to be here.
pub(crate) fn is_in_use(active: bool, home: Option<&str>, server: &ServerName) -> bool {
    active && home.is_none_or(|home| server.matches(home))
}

impl Before {
    /// The keys that come to stand for the chain: nobody else's may be among them.
    pub(crate) fn rising(&self, now: &Summary) -> Vec<KeyId> {
        let rises = now.keys.iter().filter(|(key, is_active)| **is_active && self.keys.get(key) != Some(&true));
        rises.map(|(key, _)| *key).collect()
    }

    /// Whether the chain may come to what it says, given those of its rising keys that stand for another identity. They go on
    /// to, and do not stand for this one.
    ///
    /// A key that the chain knows and that a recovery brings back may stand for somebody else by now; that is no reason to
    /// refuse, so that nobody can keep an owner from recovering.
    pub(crate) fn judge(
        &self,
        now: &mut Summary,
        contested: &HashSet<KeyId>,
        new_keys: Contested,
    ) -> Result<(), Reason> {
        let is_new = |key: &KeyId| new_keys == Contested::Refused && !self.keys.contains_key(key);
        if contested.iter().any(|key| *key == now.primary || is_new(key)) {
            return Err(Reason::KeyReuse);
        }
        now.keys.extend(contested.iter().map(|key| (*key, false)));
        Ok(())
    }

    /// Keys that are other than stored, each with whether it stands for the chain now.
    pub(crate) fn changed(&self, now: &Summary) -> Vec<(KeyId, bool)> {
        let changed = now.keys.iter().filter(|(key, is_active)| self.keys.get(key) != Some(is_active));
        changed.map(|(key, is_active)| (*key, *is_active)).collect()
    }

    /// Keys of displaced events, which are free again: only who names all keys knows of them.
    pub(crate) fn gone(&self, now: &Summary) -> Vec<KeyId> {
        self.keys.keys().filter(|key| now.since == 0 && !now.keys.contains_key(key)).copied().collect()
    }

    /// Whether the live handle, if there is one, gets another primary.
    pub(crate) fn moves_handle(&self, now: &Summary) -> bool {
        self.live.as_ref().is_some_and(|(_, primary)| *primary != now.primary.to_string())
    }

    /// That the chain changed; where it has a live handle also that, and every key that stands for it no longer. Other keys
    /// are left alone: a chain may know thousands that ended long ago.
    pub(crate) fn change(self, now: &Summary, server: &ServerName) -> Change {
        let (chain, entries) = (now.chain, None);
        let Some(handle) = self.live.and_then(|(handle, _)| handle.parse().ok()) else {
            return Change { chain, entries, handle: None, keys: Vec::new() };
        };
        let is_in_use = now.is_in_use_at(server);
        let is_whole = now.since == 0;
        let was_in_use = self.was_in_use;
        // What a chain does not name, as it goes on, is as it was.
        let stands = |key| is_in_use && now.keys.get(key).copied().unwrap_or(!is_whole);
        let stood = self.keys.iter().filter(|(key, is_active)| **is_active && was_in_use && **key != now.primary);
        let ended = stood.filter(|(key, _)| !stands(*key)).map(|(key, _)| (*key, true));
        let keys = std::iter::once((now.primary, !is_in_use)).chain(ended).collect();
        Change { chain, entries, handle: Some(handle), keys }
    }
}
