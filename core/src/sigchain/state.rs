//! What a chain's events add up to.

use serde::{Serialize, Serializer};

use super::body::RevokeReason;
use super::claim::Claim;
use super::enc_key::EncKey;
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;
use crate::sorted::Sorted;

/// An identity as its chain leaves it, serialised as the protocol shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// The key that speaks for the identity.
    pub primary: KeyId,
    /// Who may rotate, the highest authority first.
    pub rotation_keys: Vec<KeyId>,
    /// The active devices.
    pub devices: Sorted<KeyId, Device>,
    /// The current claims, by the ids of the events that made them.
    pub claims: Sorted<Hash, Claim>,
    /// Every key that had a role and lost it.
    pub revoked: Sorted<KeyId, Revocation>,
    /// The chain's home.
    pub server: ServerName,
    /// Whether further events are taken.
    pub active: bool,
}

/// An active device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The event that added it.
    pub added_seq: u64,
    /// What to encrypt to it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enc_key: Option<EncKey>,
}

/// When and why a key lost its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// The event that took the role.
    pub seq: u64,
    /// Why.
    pub reason: RevokedFor,
}

/// Why a key lost its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedFor {
    /// A device was revoked.
    Device(RevokeReason),
    /// A rotation left a rotation key out.
    Rotated,
}

impl Serialize for RevokedFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            RevokedFor::Device(reason) => reason.as_str(),
            RevokedFor::Rotated => "rotated",
        })
    }
}

impl State {
    /// What a genesis starts with.
    pub(super) fn new(primary: KeyId, rotation_keys: Vec<KeyId>, server: ServerName) -> Self {
        State {
            primary,
            rotation_keys,
            devices: Sorted::default(),
            claims: Sorted::default(),
            revoked: Sorted::default(),
            server,
            active: true,
        }
    }

    /// Whether the identity is in use at this server: it was not ended, and its home is here.
    #[must_use]
    pub fn is_in_use_at(&self, server: &ServerName) -> bool {
        self.active && self.server == *server
    }

    /// Whether `key` has a role in the chain or ever had one.
    pub(super) fn knows(&self, key: &KeyId) -> bool {
        self.rotation_keys.contains(key) || self.devices.contains_key(key) || self.revoked.contains_key(key)
    }
}
