//! Hashes: `sha256:<64 lower-case hex digits>`.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A SHA-256 hash. An envelope's id is one, over the canonical bytes of the whole envelope.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// The text is not `sha256:` followed by 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is `sha256:` and 64 lower-case hex digits")]
pub struct MalformedHash;

impl Hash {
    /// SHA-256 of `bytes` (FIPS 180-4).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Hash(Sha256::digest(bytes).into())
    }

    /// From the 32 raw bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Hash(bytes)
    }

    /// The 32 raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = MalformedHash;

    fn from_str(text: &str) -> Result<Self, MalformedHash> {
        let hex = text.strip_prefix("sha256:").ok_or(MalformedHash)?;
        decode_lower_hex(hex).map(Hash).ok_or(MalformedHash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", const_hex::encode(self.0))
    }
}

/// Exactly `N` bytes from `2 N` lower-case hex digits; the protocol has one spelling of every value.
pub(crate) fn decode_lower_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    // The decoder counts the digits, but takes upper case and a leading `0x`.
    if hex.bytes().all(lower) { const_hex::decode_to_array(hex).ok() } else { None }
}
