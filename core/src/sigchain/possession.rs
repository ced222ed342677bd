//! Proof of possession: a new key signs for its own place in the chain.
//!
//! pop = Ed25519(new key, JCS({type, version, chain, seq, prev, key, role[, enc_key]})). It is bound to its place and to
//! its companion, so that a proof seen elsewhere is worth nothing here.

use super::enc_key::EncKey;
use super::place::Place;
use super::pop::Pop;
use crate::canonical::{Json, member, object, object_to_canonical};
use crate::key::{KeyId, SigningKey};

/// What the key becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A device.
    Device,
    /// The primary.
    Primary,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Role::Device => "device",
            Role::Primary => "primary",
        }
    }
}

/// What a new key signs, before it has.
#[derive(Clone, Copy, Debug)]
pub struct Possession<'a> {
    /// Where the event that brings the key will stand.
    pub place: &'a Place,
    /// What the key becomes.
    pub role: Role,
    /// The encryption key that the event brings with it.
    pub enc_key: Option<EncKey>,
}

impl Possession<'_> {
    /// The new key's proof.
    #[must_use]
    pub fn prove(&self, key: &SigningKey) -> Pop {
        Pop::from_bytes(key.sign(&self.signing_input(&key.id())))
    }

    /// JCS of what `key` signs.
    #[must_use]
    pub fn signing_input(&self, key: &KeyId) -> Vec<u8> {
        let mut members = object([
            member("type", "kez.sigchain.key_possession"),
            ("version".to_owned(), Json::Integer(1)),
            member("key", key),
            member("role", self.role.as_str()),
        ]);
        self.place.write(&mut members);
        members.extend(self.enc_key.map(|enc_key| member("enc_key", enc_key)));
        object_to_canonical(&members)
    }
}
