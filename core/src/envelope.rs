//! Signed envelopes: `{"kez": tag, "payload": {…}, "signature": {alg, key, sig}}`.
//!
//! `sig` is over JCS(payload). `ed25519-sha512-jcs` is PureEdDSA (RFC 8032 section 5.1) verified strictly;
//! `schnorr-sha256-jcs` is BIP-340 over SHA-256(JCS(payload)). The id is SHA-256(JCS(envelope)).
//!
//! What a payload says is a parameter here: each statement is a [`Payload`] of its own.

use crate::canonical::{Json, MAX_VALUES, Object, member, object, object_to_canonical};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::{Code, Problem};

mod alg;
mod kind;
mod members;
mod signature;
mod unread;

pub(crate) use alg::Alg;
pub use kind::EnvelopeType;
pub(crate) use members::{
    malformed, no_more, read_object, take_array, take_bool, take_hex, take_parsed, take_string, take_time,
};
use signature::{Signature, not_by_owner};
pub(crate) use signature::{Signed, malformed_key};
pub(crate) use unread::Unread;

/// Largest envelope, in canonical bytes, but for types that say that they may be larger.
pub const MAX_ENVELOPE_BYTES: usize = 8_192;
// Types that may be larger have lists of a few values, so whatever is cut off is not of their form either.
const _: () = assert!(2 * MAX_VALUES - 1 > MAX_ENVELOPE_BYTES, "what the reader cuts off is no envelope");

/// What an envelope says.
pub(crate) trait Payload: Sized {
    /// Largest envelope that says this, in canonical bytes.
    const MAX_BYTES: usize = MAX_ENVELOPE_BYTES;

    /// Reads what is left of a payload once `type` and `version` were taken.
    ///
    /// # Errors
    /// [`Code::MalformedEnvelope`].
    fn read(members: Object) -> Result<Self, Problem>;

    /// The key that the payload names as its owner, who has to sign; none where the type names none. All keys of the
    /// payload have to be spelt right.
    ///
    /// # Errors
    /// [`MalformedKey`].
    fn owner(&self) -> Result<Option<KeyId>, MalformedKey>;

    /// Keys that the payload names beside its owner, and that have to be good ones of the signer's suite: identities that
    /// the signer says to stand for, and others.
    ///
    /// # Errors
    /// [`MalformedKey`].
    fn named(&self) -> Result<Vec<KeyId>, MalformedKey> {
        Ok(Vec::new())
    }
}

/// An envelope of the right shape and size, whose signature nobody has looked at yet.
#[derive(Debug)]
pub(crate) struct Envelope<P> {
    payload_type: String,
    payload: P,
    signature: Signature,
    bytes: Vec<u8>,
}

impl<P: Payload> Envelope<P> {
    /// Reads an envelope of this type and checks everything about it that needs no cryptography.
    ///
    /// # Errors
    /// [`Code::MalformedJson`], [`Code::MalformedEnvelope`], [`Code::PayloadTooLarge`], in this order.
    pub(crate) fn parse(text: &[u8], expected: EnvelopeType) -> Result<Self, Problem> {
        Envelope::read(Unread::read(read_object(text)?, Some(expected))?)
    }

    /// Reads the payload of an envelope whose type is known to be this one.
    ///
    /// # Errors
    /// [`Code::MalformedEnvelope`], [`Code::PayloadTooLarge`], in this order.
    pub(crate) fn read(unread: Unread) -> Result<Self, Problem> {
        let Unread { payload_type, payload, signature, bytes, .. } = unread;
        let payload = P::read(payload)?;
        if bytes.len() > P::MAX_BYTES {
            let detail = format!("An envelope of this type is at most {} canonical bytes.", P::MAX_BYTES);
            return Err(Problem::new(Code::PayloadTooLarge, detail));
        }
        Ok(Envelope { payload_type, payload, signature, bytes })
    }

    /// The algorithm that it says it was signed with.
    ///
    /// # Errors
    /// [`Code::UnsupportedAlg`].
    pub(crate) fn alg(&self) -> Result<Alg, Problem> {
        self.signature.alg()
    }

    /// The alg, the keys, that the owner signs, and the signature; returns the key that signed.
    ///
    /// # Errors
    /// [`Code::UnsupportedAlg`], [`Code::MalformedKey`], [`Code::KeyMismatch`], [`Code::BadSignature`].
    #[inline(always)]
    pub(crate) fn verify(&self, only: Alg) -> Result<KeyId, Problem> {
        let Signed { signer, owner } = self.verify_signature(only)?;
        if owner == signer { Ok(signer) } else { Err(not_by_owner()) }
    }

    /// As [`Envelope::verify`], for who will find out whether the signer may sign for the owner.
    ///
    /// # Errors
    /// Those of [`Envelope::verify`]; [`Code::KeyMismatch`] only when the signature does not hold.
    #[inline(always)]
    pub(crate) fn verify_signature(&self, only: Alg) -> Result<Signed, Problem> {
        let signer = self.signature.signer(only)?;
        let owner = self.payload.owner().map_err(malformed_key)?.unwrap_or(signer);
        let named = self.payload.named().map_err(malformed_key)?;
        self.signature.verify(only, Signed { signer, owner }, &named)
    }

    /// The payload's `type`.
    pub(crate) fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The envelope's id: SHA-256 over JCS of the whole envelope.
    pub(crate) fn id(&self) -> Hash {
        Hash::of(&self.bytes)
    }

    /// What it says, and JCS of the whole envelope.
    pub(crate) fn into_parts(self) -> (P, Vec<u8>) {
        (self.payload, self.bytes)
    }
}

/// Signs `payload`, which must hold the `type` and `version` of `envelope_type`, and returns the whole envelope's
/// canonical bytes.
pub(crate) fn sign(envelope_type: EnvelopeType, payload: Object, key: &SigningKey) -> Vec<u8> {
    let signature = signature::sign(&payload, key);
    object_to_canonical(&object([
        member("kez", envelope_type.tag()),
        ("payload".to_owned(), Json::Object(payload)),
        ("signature".to_owned(), Json::Object(signature)),
    ]))
}
