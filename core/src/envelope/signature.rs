//! Whether an envelope's signature holds, and whose it is.

use super::{Alg, Content, Envelope, malformed_key, unknown_alg};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, ed25519_key, secp256k1_key};
use crate::problem::{Code, Problem};

/// A signature that holds.
pub(crate) struct Signed {
    /// The key that signed.
    pub(crate) signer: KeyId,
    /// The key that the payload names as its owner; the signer where the type names none.
    pub(crate) owner: KeyId,
}

impl Envelope {
    /// The alg, the keys, that the owner signs, and the signature; returns the key that signed. Inlined, so that a
    /// program whose `only` is always Ed25519, such as the web page, is linked without the other curve.
    #[inline(always)]
    pub(crate) fn verify(&self, only: Alg) -> Result<KeyId, Problem> {
        let Signed { signer, owner } = self.verify_signature(only)?;
        if owner == signer { Ok(signer) } else { Err(not_by_owner()) }
    }

    /// As [`Envelope::verify`], for who will find out whether the signer may sign for the owner.
    #[inline(always)]
    pub(crate) fn verify_signature(&self, only: Alg) -> Result<Signed, Problem> {
        let alg = Alg::parse(&self.alg).filter(|&alg| alg == only).ok_or_else(unknown_alg)?;
        let signer = self.key.parse::<KeyId>().map_err(malformed_key)?;
        let owner = match &self.content {
            Content::Handle(members) => members.primary.parse::<KeyId>().map_err(malformed_key)?,
            Content::Contact(members) => {
                members.recipient().map_err(malformed_key)?;
                members.from.parse::<KeyId>().map_err(malformed_key)?
            }
            Content::Receipt(_) | Content::Unknown => signer,
        };
        if [signer, owner].iter().any(|key| key.suite() != alg.suite()) {
            return Err(Problem::new(Code::UnsupportedAlg, "The key is not of the suite that `alg` signs with."));
        }
        let signed = Signed { signer, owner };
        match only {
            Alg::Ed25519Sha512Jcs => self.verify_by(signed, ed25519_key, verify_ed25519),
            Alg::SchnorrSha256Jcs => self.verify_by(signed, secp256k1_key, verify_schnorr),
        }
    }

    fn verify_by<K>(
        &self,
        signed: Signed,
        usable: impl Fn(&[u8; 32]) -> Result<K, MalformedKey>,
        verifies: impl Fn(&K, &[u8], &[u8; 64]) -> bool,
    ) -> Result<Signed, Problem> {
        let Signed { signer, owner } = &signed;
        let public = usable(signer.as_bytes()).map_err(malformed_key)?;
        if owner != signer {
            usable(owner.as_bytes()).map_err(malformed_key)?;
        }
        if verifies(&public, &self.signing_input, &self.sig) {
            return Ok(signed);
        }
        // Who signs comes before whether the signature holds.
        if owner != signer {
            return Err(not_by_owner());
        }
        Err(Problem::new(Code::BadSignature, "The signature is not this key's over the canonical payload."))
    }
}

fn verify_ed25519(key: &ed25519_dalek::VerifyingKey, signing_input: &[u8], sig: &[u8; 64]) -> bool {
    key.verify_strict(signing_input, &ed25519_dalek::Signature::from_bytes(sig)).is_ok()
}

fn verify_schnorr(key: &k256::schnorr::VerifyingKey, signing_input: &[u8], sig: &[u8; 64]) -> bool {
    k256::schnorr::Signature::try_from(sig.as_slice())
        .is_ok_and(|sig| key.verify_raw(Hash::of(signing_input).as_bytes(), &sig).is_ok())
}

fn not_by_owner() -> Problem {
    Problem::new(Code::KeyMismatch, "Sign with the key that the payload names as its owner.")
}
