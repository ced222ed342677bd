//! What a verified chain says about an identity's devices.

use kez_core::sigchain::{Audit, Body, Chain, Reason, Unverified};
use kez_core::{Hash, KeyId, ServerName};
use serde::{Deserialize, Serialize};

/// Devices of one identity that a conversation has at most: the primary and those that were added last.
pub const MAX_DEVICES: usize = 50;

/// What is known of an identity's devices, and when it was learnt is for whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The identity.
    pub chain: KeyId,
    /// How many entries its audit log has: 0 without a chain. Logs only grow.
    pub entries: u64,
    /// The newest event's number and id; none without a chain.
    pub head: Option<(u64, Hash)>,
    /// Whether the chain is in use and its handle live.
    pub live: bool,
    /// The devices that are active: the primary, then the others in the order in which they were added.
    pub active: Vec<KeyId>,
    /// Every key that is or was the primary or an active device, in displaced events too.
    pub ever: Vec<KeyId>,
}

/// The answer is no chain of this identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFacts {
    /// It is no audit log.
    #[error("not an audit log")]
    Malformed,
    /// An entry fails.
    #[error("the chain does not verify: {0}")]
    Invalid(Reason),
}

impl Facts {
    /// Of an identity that has no chain: the registered key is its only device.
    #[must_use]
    pub fn without_chain(key: KeyId, live: bool) -> Self {
        Facts { chain: key, entries: 0, head: None, live, active: vec![key], ever: vec![key] }
    }

    /// Verifies an audit log as a sigchain server gives it. `live` is whether the handle is, at the home server `server`.
    ///
    /// # Errors
    /// [`NoFacts`]; nothing of a log that fails is believed.
    pub fn verify(chain: KeyId, audit: &[u8], server: &ServerName, live: bool) -> Result<Self, NoFacts> {
        let audit = Audit::parse(audit).map_err(|_| NoFacts::Malformed)?;
        let mut replay = Chain::new(chain);
        let mut ever = Vec::new();
        for received in audit.entries() {
            let event = Unverified::read(received.entry.event).map_err(NoFacts::Invalid)?;
            let event = replay.authenticate(event).map_err(NoFacts::Invalid)?;
            let key = match event.body() {
                Body::Genesis { primary, .. } | Body::RotatePrimary { primary, .. } => Some(*primary),
                Body::AddDeviceKey { key, .. } => Some(*key),
                _ => None,
            };
            let at = received.entry.received_at.ok_or(NoFacts::Invalid(Reason::BadReceivedAt))?;
            let step = replay.judge(event, at).map_err(NoFacts::Invalid)?;
            replay.commit(step);
            ever.extend(key.filter(|key| !ever.contains(key)));
        }
        let (Some(state), Some(head)) = (replay.state(), replay.head()) else {
            return Err(NoFacts::Invalid(Reason::BadGenesis));
        };
        let mut devices: Vec<_> = state.devices.iter().map(|(key, device)| (device.added_seq, *key)).collect();
        devices.sort_unstable();
        Ok(Facts {
            chain,
            entries: u64::try_from(replay.entries()).unwrap_or(u64::MAX),
            head: Some((head.seq, head.hash)),
            live: live && state.is_in_use_at(server),
            active: std::iter::once(state.primary).chain(devices.into_iter().map(|(_, key)| key)).collect(),
            ever,
        })
    }

    /// Whether `device` is or was one of the identity's.
    #[must_use]
    pub fn knows(&self, device: &KeyId) -> bool {
        self.ever.contains(device)
    }

    /// The devices that one encrypts to: active ones of a live identity, at most [`MAX_DEVICES`].
    pub fn good(&self) -> impl Iterator<Item = KeyId> + '_ {
        let left_out = self.active.len().saturating_sub(MAX_DEVICES);
        let devices = self.active.iter().enumerate().filter(move |(at, _)| *at == 0 || *at > left_out);
        devices.map(|(_, key)| *key).filter(|_| self.live)
    }

    /// Whether one encrypts to `device`.
    #[must_use]
    pub fn is_good(&self, device: &KeyId) -> bool {
        self.good().any(|good| good == *device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(devices: u8) -> Facts {
        let keys: Vec<KeyId> = (1..=devices).map(|n| KeyId::ed25519([n; 32])).collect();
        Facts { chain: keys[0], entries: 1, head: None, live: true, active: keys.clone(), ever: keys }
    }

    #[test]
    fn the_primary_and_the_devices_added_last_are_talked_to() {
        let many = facts(60);
        let good: Vec<KeyId> = many.good().collect();
        assert_eq!(good.len(), MAX_DEVICES);
        assert_eq!(good[0], many.active[0]);
        assert_eq!(good[1..], many.active[11..]);
        assert!(!many.is_good(&many.active[1]) && many.knows(&many.active[1]));
        assert_eq!(facts(50).good().count(), 50);
    }

    #[test]
    fn nobody_talks_to_an_identity_that_is_not_live() {
        let mut gone = facts(3);
        gone.live = false;
        assert_eq!(gone.good().count(), 0);
        assert!(gone.knows(&gone.active[1]));
    }

    #[test]
    fn what_is_no_log_says_nothing() {
        let (chain, server) = (KeyId::ed25519([1; 32]), "kez.lat".parse().expect("a name"));
        assert_eq!(Facts::verify(chain, b"{}", &server, true), Err(NoFacts::Malformed));
        let empty = format!(r#"{{"chain":"{chain}","entries":[]}}"#);
        let none = Facts::verify(chain, empty.as_bytes(), &server, true);
        assert_eq!(none, Err(NoFacts::Invalid(Reason::BadGenesis)));
    }
}
