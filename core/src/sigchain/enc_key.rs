//! The keys with which devices are written to.

use std::fmt;
use std::str::FromStr;

use crate::hash::decode_lower_hex;
use crate::key::MalformedKey;

/// A device's encryption key, `x25519:<64 lower-case hex digits>` (RFC 7748).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncKey([u8; 32]);

impl EncKey {
    /// From the public key's 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        EncKey(bytes)
    }

    /// The public key's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for EncKey {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        text.strip_prefix("x25519:").and_then(decode_lower_hex).map(EncKey).ok_or(MalformedKey::Spelling)
    }
}

impl fmt::Display for EncKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x25519:{}", const_hex::encode(self.0))
    }
}
