//! Applying an event to the state, and taking it back.
//!
//! Each event of a chain leaves behind the little that it takes to undo it, so that the state at any ancestor can be had
//! from the newest one, and no other copy of the state is kept.

use super::body::Body;
use super::claim::Claim;
use super::event::Event;
use super::state::{Device, Revocation, RevokedFor, State};
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;

/// What an event replaced.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    /// The genesis, before which there is nothing.
    Genesis,
    /// An unlisted event, which changes nothing.
    Unlisted,
    DeviceAdded(KeyId),
    DeviceRevoked(KeyId, Device),
    Rotated(Box<Rotated>),
    ClaimAdded,
    ClaimRemoved(Box<(Hash, Claim)>),
    Moved(Box<ServerName>),
    Deactivated,
}

/// What a rotation replaced.
#[derive(Clone, Debug)]
pub(super) struct Rotated {
    pub(super) primary: KeyId,
    pub(super) rotation_keys: Vec<KeyId>,
}

impl Undo {
    /// Applies an event that passed every check.
    pub(super) fn apply(state: &mut State, event: &Event) -> Undo {
        let seq = event.seq;
        match &event.body {
            Body::Genesis { .. } => Undo::Genesis,
            Body::Unlisted { .. } => Undo::Unlisted,
            Body::AddDeviceKey { key, enc_key, .. } => {
                state.devices.insert(*key, Device { added_seq: seq, enc_key: *enc_key });
                Undo::DeviceAdded(*key)
            }
            Body::RevokeKey { key, reason } => match state.devices.remove(key) {
                Some(device) => {
                    state.revoked.insert(*key, Revocation { seq, reason: RevokedFor::Device(*reason) });
                    Undo::DeviceRevoked(*key, device)
                }
                None => Undo::Unlisted,
            },
            Body::RotatePrimary { primary, rotation_keys, .. } => {
                let old = std::mem::replace(&mut state.rotation_keys, rotation_keys.clone());
                let dropped = old.iter().filter(|key| !rotation_keys.contains(key));
                state.revoked.extend(dropped.map(|key| (*key, Revocation { seq, reason: RevokedFor::Rotated })));
                let primary = std::mem::replace(&mut state.primary, *primary);
                Undo::Rotated(Box::new(Rotated { primary, rotation_keys: old }))
            }
            Body::ClaimAdd { claim } => {
                state.claims.insert(event.id, claim.clone());
                Undo::ClaimAdded
            }
            Body::ClaimRemove { claim: id } => match state.claims.remove(id) {
                Some(claim) => Undo::ClaimRemoved(Box::new((*id, claim))),
                None => Undo::Unlisted,
            },
            Body::ServerMove { to, .. } => Undo::Moved(Box::new(std::mem::replace(&mut state.server, to.clone()))),
            Body::Deactivate { .. } => {
                state.active = false;
                Undo::Deactivated
            }
        }
    }

    /// The primary that a rotation replaced.
    pub(super) fn replaced_primary(&self) -> Option<KeyId> {
        match self {
            Undo::Rotated(before) => Some(before.primary),
            _ => None,
        }
    }

    /// Takes the event `id` back, which was the last one applied.
    pub(super) fn undo(&self, state: &mut State, id: &Hash) {
        match self {
            Undo::Genesis | Undo::Unlisted => {}
            Undo::DeviceAdded(key) => {
                state.devices.remove(key);
            }
            Undo::DeviceRevoked(key, device) => {
                state.revoked.remove(key);
                state.devices.insert(*key, *device);
            }
            Undo::Rotated(before) => {
                for key in &before.rotation_keys {
                    state.revoked.remove(key);
                }
                state.rotation_keys.clone_from(&before.rotation_keys);
                state.primary = before.primary;
            }
            Undo::ClaimAdded => {
                state.claims.remove(id);
            }
            Undo::ClaimRemoved(removed) => {
                state.claims.insert(removed.0, removed.1.clone());
            }
            Undo::Moved(from) => state.server.clone_from(from),
            Undo::Deactivated => state.active = true,
        }
    }
}
