//! Whether an envelope's signature holds, and making one.

use super::alg::Alg;
use crate::canonical::{Object, member, object, object_to_canonical};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey, ed25519_key, secp256k1_key};
use crate::problem::{Code, Problem};

/// An envelope's `signature` member, and what it is over.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) alg: String,
    pub(super) key: String,
    pub(super) sig: [u8; 64],
    /// JCS of the payload.
    pub(super) over: Vec<u8>,
}

/// A signature that holds.
pub(crate) struct Signed {
    /// The key that signed.
    pub(crate) signer: KeyId,
    /// The key that the payload names as its owner; the signer where the type names none.
    pub(crate) owner: KeyId,
}

impl Signature {
    /// `alg`, where it is one that is known.
    pub(super) fn alg(&self) -> Result<Alg, Problem> {
        Alg::parse(&self.alg).ok_or_else(unknown_alg)
    }

    /// Who says to have signed, with this alg and no other.
    pub(super) fn signer(&self, only: Alg) -> Result<KeyId, Problem> {
        if self.alg()? == only { self.key.parse().map_err(malformed_key) } else { Err(unknown_alg()) }
    }

    /// Whether the signer signed. Inlined, so that a program whose `only` is always Ed25519, such as the web page, is
    /// linked without the other curve.
    #[inline(always)]
    pub(super) fn verify(&self, only: Alg, signed: Signed, named: &[KeyId]) -> Result<Signed, Problem> {
        if [signed.signer, signed.owner].iter().chain(named).any(|key| key.suite() != only.suite()) {
            return Err(Problem::new(Code::UnsupportedAlg, "The key is not of the suite that `alg` signs with."));
        }
        match only {
            Alg::Ed25519Sha512Jcs => self.verify_by(signed, named, ed25519_key, verify_ed25519),
            Alg::SchnorrSha256Jcs => self.verify_by(signed, named, secp256k1_key, verify_schnorr),
        }
    }

    fn verify_by<K>(
        &self,
        signed: Signed,
        named: &[KeyId],
        usable: impl Fn(&[u8; 32]) -> Result<K, MalformedKey>,
        verifies: impl Fn(&K, &[u8], &[u8; 64]) -> bool,
    ) -> Result<Signed, Problem> {
        let Signed { signer, owner } = &signed;
        let public = usable(signer.as_bytes()).map_err(malformed_key)?;
        if owner != signer {
            usable(owner.as_bytes()).map_err(malformed_key)?;
        }
        for key in named.iter().filter(|key| *key != signer && *key != owner) {
            usable(key.as_bytes()).map_err(malformed_key)?;
        }
        if verifies(&public, &self.over, &self.sig) {
            return Ok(signed);
        }
        // Who signs comes before whether the signature holds.
        if owner != signer {
            return Err(not_by_owner());
        }
        Err(Problem::new(Code::BadSignature, "The signature is not this key's over the canonical payload."))
    }
}

/// The `signature` member of an envelope with this payload.
pub(super) fn sign(payload: &Object, key: &SigningKey) -> Object {
    object([
        member("alg", Alg::Ed25519Sha512Jcs.as_str()),
        member("key", key.id()),
        member("sig", const_hex::encode(key.sign(&object_to_canonical(payload)))),
    ])
}

fn verify_ed25519(key: &ed25519_dalek::VerifyingKey, signing_input: &[u8], sig: &[u8; 64]) -> bool {
    key.verify_strict(signing_input, &ed25519_dalek::Signature::from_bytes(sig)).is_ok()
}

fn verify_schnorr(key: &k256::schnorr::VerifyingKey, signing_input: &[u8], sig: &[u8; 64]) -> bool {
    k256::schnorr::Signature::try_from(sig.as_slice())
        .is_ok_and(|sig| key.verify_raw(Hash::of(signing_input).as_bytes(), &sig).is_ok())
}

fn unknown_alg() -> Problem {
    Problem::new(Code::UnsupportedAlg, "Sign with `ed25519-sha512-jcs`.")
}

pub(crate) fn malformed_key(error: MalformedKey) -> Problem {
    Problem::new(Code::MalformedKey, error.to_string())
}

pub(super) fn not_by_owner() -> Problem {
    Problem::new(Code::KeyMismatch, "Sign with the key that the payload names as its owner.")
}
