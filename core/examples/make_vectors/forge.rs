//! Signing by the book, without the crate under test: RFC 8032 by its formulas, so that faulty signatures can be made.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::{EdwardsPoint, Scalar};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

/// The order of the base point, little-endian (RFC 8032 section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// JCS by the second implementation.
pub(crate) fn jcs(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).expect("a JSON value always has a canonical form")
}

pub(crate) fn sha256_id(text: &str) -> String {
    format!("sha256:{}", const_hex::encode(Sha256::digest(text)))
}

/// An Ed25519 key pair with its insides in reach.
pub(crate) struct Signer {
    pub(crate) seed: [u8; 32],
    a: Scalar,
    prefix: [u8; 32],
    pub(crate) public: [u8; 32],
}

impl Signer {
    /// The key whose seed is one byte repeated 32 times.
    pub(crate) fn of(byte: u8) -> Self {
        let seed = [byte; 32];
        let digest = Sha512::digest(seed);
        let (mut a, mut prefix) = ([0; 32], [0; 32]);
        a.copy_from_slice(&digest[..32]);
        prefix.copy_from_slice(&digest[32..]);
        a[0] &= 248;
        a[31] = (a[31] & 127) | 64;
        let a = Scalar::from_bytes_mod_order(a);
        Signer { seed, a, prefix, public: (B * a).compress().to_bytes() }
    }

    pub(crate) fn id(&self) -> String {
        key_id(&self.public)
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        let r = hash_to_scalar(&[&self.prefix, message.as_bytes()]);
        self.respond(r, (B * r).compress().as_bytes(), &self.public, message)
    }

    /// The envelope of this tag around a payload, which this key signs.
    pub(crate) fn seal(&self, tag: &str, payload: &Value) -> Value {
        let signature = json!({ "alg": "ed25519-sha512-jcs", "key": self.id(), "sig": self.sign(&jcs(payload)) });
        json!({ "kez": tag, "payload": payload, "signature": signature })
    }

    /// The same signature with S + L for S: RFC 8032 section 5.1.7 refuses it, a reader that reduces S does not.
    pub(crate) fn sign_with_large_s(&self, message: &str) -> String {
        let mut bytes = const_hex::decode(self.sign(message)).expect("a signature is hex");
        let mut carry = 0;
        for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        const_hex::encode(bytes)
    }

    /// With this R of small order, spelt as told: S = k·a makes S·B − k·A the identity.
    pub(crate) fn sign_with_identity_r(&self, r_bytes: &[u8; 32], message: &str) -> String {
        self.respond(Scalar::ZERO, r_bytes, &self.public, message)
    }

    /// With a point of order 8 added to R: only an equation multiplied by the cofactor holds.
    pub(crate) fn sign_with_torsion_in_r(&self, message: &str) -> String {
        let r = hash_to_scalar(&[&self.prefix, message.as_bytes()]);
        self.respond(r, (B * r + EIGHT_TORSION[1]).compress().as_bytes(), &self.public, message)
    }

    /// This key with a point of small order added: no longer of prime order, but its owner can still sign for it.
    pub(crate) fn with_torsion(&self, index: usize) -> [u8; 32] {
        (B * self.a + EIGHT_TORSION[index]).compress().to_bytes()
    }

    /// A signature for [`Signer::with_torsion`]'s key that even the strict equation takes: the first R whose
    /// challenge is a multiple of 8, which cancels the small-order part.
    pub(crate) fn sign_for_torsion_key(&self, key: &[u8; 32], message: &str) -> String {
        let found = (0_u32..).find_map(|nonce| {
            let r = hash_to_scalar(&[&self.prefix, &nonce.to_le_bytes(), message.as_bytes()]);
            let r_bytes = (B * r).compress().to_bytes();
            let k = hash_to_scalar(&[&r_bytes, key, message.as_bytes()]);
            k.as_bytes()[0].is_multiple_of(8).then(|| self.respond(r, &r_bytes, key, message))
        });
        found.expect("one challenge in eight is a multiple of 8")
    }

    fn respond(&self, r: Scalar, r_bytes: &[u8; 32], key: &[u8; 32], message: &str) -> String {
        let k = hash_to_scalar(&[r_bytes, key, message.as_bytes()]);
        const_hex::encode([*r_bytes, (r + k * self.a).to_bytes()].concat())
    }
}

pub(crate) fn key_id(bytes: &[u8; 32]) -> String {
    format!("ed25519:{}", const_hex::encode(bytes))
}

/// The eight points of small order, canonically encoded.
pub(crate) fn small_order_keys() -> impl Iterator<Item = [u8; 32]> {
    EIGHT_TORSION.iter().map(|point: &EdwardsPoint| point.compress().to_bytes())
}

fn hash_to_scalar(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// A secp256k1 key pair that signs as BIP-340 with SHA-256 of the message and no auxiliary randomness.
pub(crate) struct SchnorrSigner(k256::schnorr::SigningKey);

impl SchnorrSigner {
    pub(crate) fn of(byte: u8) -> Self {
        SchnorrSigner(k256::schnorr::SigningKey::from_slice(&[byte; 32]).expect("a small number is a secret key"))
    }

    pub(crate) fn id(&self) -> String {
        format!("secp256k1:{}", const_hex::encode(self.0.verifying_key().to_bytes()))
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        self.sign_digest(&Sha256::digest(message))
    }

    /// Over 32 bytes as they are, for signatures that skip or repeat the hash.
    pub(crate) fn sign_digest(&self, digest: &[u8]) -> String {
        const_hex::encode(self.0.sign_raw(digest, &[0; 32]).expect("a nonce of zero does not occur").to_bytes())
    }
}
