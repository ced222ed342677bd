//! The keys of a chain that were found usable. Looking at a key costs as much as a signature, and the same few keys sign
//! a whole chain.

use curve25519_dalek::Scalar;
use ed25519_dalek::{Signature, VerifyingKey};

use super::Reason;
use crate::key::{KeyId, Suite, ed25519_key};
use crate::sorted::Sorted;

/// Keys that were looked at, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Keyring(Sorted<KeyId, VerifyingKey>);

/// The keys that one event names for the first time.
pub(super) type Fresh = Vec<(KeyId, VerifyingKey)>;

impl Keyring {
    /// Looks at `id`, unless it was looked at before, and puts it into `fresh`.
    pub(super) fn look_at(&self, id: &KeyId, fresh: &mut Fresh) -> Result<(), Reason> {
        if self.get(id, fresh).is_some() {
            return Ok(());
        }
        if id.suite() != Suite::Ed25519 {
            return Err(Reason::BadKeyEncoding);
        }
        fresh.push((*id, ed25519_key(id.as_bytes()).map_err(|_| Reason::BadKeyEncoding)?));
        Ok(())
    }

    /// Whether the signature is the key's over `message`. A key that was never looked at verifies nothing.
    pub(super) fn verifies(&self, id: &KeyId, fresh: &Fresh, message: &[u8], sig: &[u8; 64]) -> bool {
        self.get(id, fresh).is_some_and(|key| key.verify_strict(message, &Signature::from_bytes(sig)).is_ok())
    }

    pub(super) fn extend(&mut self, fresh: Fresh) {
        self.0.extend(fresh);
    }

    fn get<'a>(&'a self, id: &KeyId, fresh: &'a Fresh) -> Option<&'a VerifyingKey> {
        self.0.get(id).or_else(|| fresh.iter().find(|(key, _)| key == id).map(|(_, key)| key))
    }
}

/// Whether S, the second half of a signature, is below the group's order (RFC 8032 section 5.1.7).
pub(super) fn s_is_canonical(sig: &[u8; 64]) -> bool {
    let mut s = [0; 32];
    s.copy_from_slice(&sig[32..]);
    bool::from(Scalar::from_canonical_bytes(s).is_some())
}
