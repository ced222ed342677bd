//! Keys: their ids, the checks on Ed25519 points, and the secret half.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::{EdwardsPoint, Scalar, traits::IsIdentity as _};
use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::hash::decode_lower_hex;

/// A key's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// Ed25519 (RFC 8032); the id holds the 32-byte public key.
    Ed25519,
    /// secp256k1 with BIP-340 signatures; the id holds the 32-byte x-only public key.
    Secp256k1,
}

impl Suite {
    /// The suite's name in a key id.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Suite::Ed25519 => "ed25519",
            Suite::Secp256k1 => "secp256k1",
        }
    }
}

/// A key's public name, `<suite>:<64 lower-case hex digits>`. Only the spelling is checked here: whether the bytes
/// are a usable key is known once a [`PublicKey`] was made of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId {
    suite: Suite,
    bytes: [u8; 32],
}

/// A key id is misspelt, of an unknown suite, or does not name a usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKey {
    /// Not `ed25519:` or `secp256k1:` and 64 lower-case hex digits.
    #[error("A key is written ed25519: or secp256k1: and 64 lower-case hex digits.")]
    Spelling,
    /// Not the canonical encoding of a point on the curve.
    #[error("The key is not the canonical encoding of a point on its curve.")]
    NotAPoint,
    /// A point with a small-order part: several spellings of it would verify the same signatures.
    #[error("The key is not in the curve's prime-order group.")]
    NotPrimeOrder,
}

impl KeyId {
    /// The id of an Ed25519 public key's 32 bytes.
    #[must_use]
    pub const fn ed25519(bytes: [u8; 32]) -> Self {
        KeyId { suite: Suite::Ed25519, bytes }
    }

    /// The id in the two parts that a path such as `/v1/k/{suite}/{hex}` has.
    ///
    /// # Errors
    /// [`MalformedKey::Spelling`].
    pub fn from_parts(suite: &str, hex: &str) -> Result<Self, MalformedKey> {
        let suite = match suite {
            "ed25519" => Suite::Ed25519,
            "secp256k1" => Suite::Secp256k1,
            _ => return Err(MalformedKey::Spelling),
        };
        let bytes = decode_lower_hex(hex).ok_or(MalformedKey::Spelling)?;
        Ok(KeyId { suite, bytes })
    }

    /// The key's kind.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The public key's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The public key as 64 lower-case hex digits, without its suite.
    #[must_use]
    pub fn hex(&self) -> String {
        const_hex::encode(self.bytes)
    }
}

impl FromStr for KeyId {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let (suite, hex) = text.split_once(':').ok_or(MalformedKey::Spelling)?;
        KeyId::from_parts(suite, hex)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = [0; 64];
        const_hex::encode_to_slice(self.bytes, &mut hex).map_err(|_| fmt::Error)?;
        write!(f, "{}:{}", self.suite.as_str(), std::str::from_utf8(&hex).map_err(|_| fmt::Error)?)
    }
}

/// A public key that passed every check of its suite and can verify signatures.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// A canonically encoded point of prime order on edwards25519.
    Ed25519(ed25519_dalek::VerifyingKey),
    /// The x coordinate of a point on secp256k1 (BIP-340).
    Secp256k1(Box<k256::schnorr::VerifyingKey>),
}

impl TryFrom<&KeyId> for PublicKey {
    type Error = MalformedKey;

    fn try_from(id: &KeyId) -> Result<Self, MalformedKey> {
        match id.suite {
            Suite::Ed25519 => ed25519_key(&id.bytes).map(PublicKey::Ed25519),
            Suite::Secp256k1 => secp256k1_key(&id.bytes).map(|key| PublicKey::Secp256k1(Box::new(key))),
        }
    }
}

pub(crate) fn secp256k1_key(bytes: &[u8; 32]) -> Result<k256::schnorr::VerifyingKey, MalformedKey> {
    k256::schnorr::VerifyingKey::from_slice(bytes).map_err(|_| MalformedKey::NotAPoint)
}

pub(crate) fn ed25519_key(bytes: &[u8; 32]) -> Result<ed25519_dalek::VerifyingKey, MalformedKey> {
    // Decompression takes y modulo p = 2^255 - 19, so the y below 19 have a second spelling, and x = 0 has one with
    // either sign bit. None of those points is of prime order: the check of the group refuses every second spelling.
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| MalformedKey::NotAPoint)?;
    if is_prime_order(&key.to_edwards()) { Ok(key) } else { Err(MalformedKey::NotPrimeOrder) }
}

/// Whether ℓ·P = 0 and P ≠ 0, computed as (ℓ−1)·P = −P. The point is public, so the variable-time ladder may be used:
/// ℓ−1 has 125 zero bits below its top one, which makes this cheaper than the constant-time product.
fn is_prime_order(point: &EdwardsPoint) -> bool {
    let minus_point = EdwardsPoint::vartime_double_scalar_mul_basepoint(&-Scalar::ONE, point, &Scalar::ZERO);
    minus_point == -point && !point.is_identity()
}

/// An Ed25519 key pair. Deliberately without `Clone`, `Serialize` or `Display`; wiped when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A fresh key from `rng`.
    ///
    /// # Errors
    /// What the generator gives when it cannot deliver.
    pub fn generate<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *seed)?;
        Ok(SigningKey::from_seed(&seed))
    }

    /// The key of a 32-byte seed (RFC 8032 section 5.1.5 calls it the private key).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for sealing it away; wiped when dropped.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::ed25519(self.0.verifying_key().to_bytes())
    }

    /// PureEdDSA over `message`. Not public: what is signed is always an envelope of a known type, or a login.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer as _;
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, secret)", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    #[test]
    fn prime_order_agrees_with_the_library() {
        let mut point = ED25519_BASEPOINT_POINT;
        for _ in 0..8 {
            for torsion in &EIGHT_TORSION {
                let sum = point + torsion;
                assert_eq!(is_prime_order(&sum), sum.is_torsion_free());
                assert!(!is_prime_order(torsion), "a small-order point, the identity included, is no key");
            }
            point = point + point + ED25519_BASEPOINT_POINT;
        }
    }

    #[test]
    fn every_non_canonical_encoding_is_refused() {
        // y from p to 2^255 - 1: the 19 values that a field element can be misspelt as, with either sign bit.
        for low in 0xed..=0xff_u8 {
            for top in [0x7f, 0xff] {
                let mut bytes = [0xff; 32];
                (bytes[0], bytes[31]) = (low, top);
                assert!(PublicKey::try_from(&KeyId::ed25519(bytes)).is_err());
            }
        }
        // x = 0 with the sign bit set.
        let mut minus_zero = [0; 32];
        (minus_zero[0], minus_zero[31]) = (1, 0x80);
        assert!(PublicKey::try_from(&KeyId::ed25519(minus_zero)).is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::from_seed(&[7; 32]);
        assert!(!format!("{key:?}").contains("0707"));
    }
}
