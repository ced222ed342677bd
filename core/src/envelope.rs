//! Signed envelopes: `{"kez": tag, "payload": {…}, "signature": {alg, key, sig}}`.
//!
//! `sig` is over JCS(payload). `ed25519-sha512-jcs` is PureEdDSA (RFC 8032 section 5.1) verified strictly;
//! `schnorr-sha256-jcs` is BIP-340 over SHA-256(JCS(payload)). The id is SHA-256(JCS(envelope)).

use crate::canonical::{Json, MAX_VALUES, Object, member, object, object_to_canonical};
use crate::hash::{Hash, decode_lower_hex};
use crate::key::{KeyId, MalformedKey, SigningKey, Suite};
use crate::problem::{Code, Problem};
use crate::{contact_request, registration, sigchain};

mod members;
mod signature;

pub(crate) use members::{malformed, no_more, take_string};
use members::{read_object, take_object};
pub(crate) use signature::Signed;

/// Largest envelope, in canonical bytes.
pub const MAX_ENVELOPE_BYTES: usize = 8_192;
const _: () = assert!(2 * MAX_VALUES - 1 > MAX_ENVELOPE_BYTES, "what the reader cuts off is no envelope");

/// What an envelope can say. Each type is a domain of its own: the signed payload names it, so a signature made for
/// one never verifies as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeType {
    /// A key takes a handle.
    HandleRegistration,
    /// A key gives its handle back.
    HandleRelease,
    /// An identity asks another one to be in touch.
    ContactRequest,
    /// A server says when it took a sigchain event.
    SigchainReceipt,
}

impl EnvelopeType {
    const ALL: [EnvelopeType; 4] = [
        EnvelopeType::HandleRegistration,
        EnvelopeType::HandleRelease,
        EnvelopeType::ContactRequest,
        EnvelopeType::SigchainReceipt,
    ];

    /// The value of the envelope's `kez` member.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            EnvelopeType::HandleRegistration => "handle_registration",
            EnvelopeType::HandleRelease => "handle_release",
            EnvelopeType::ContactRequest => "contact_request",
            EnvelopeType::SigchainReceipt => "sigchain_receipt",
        }
    }

    /// The value of the payload's `type` member.
    #[must_use]
    pub const fn payload_type(self) -> &'static str {
        match self {
            EnvelopeType::HandleRegistration => "kez.chat.handle_registration",
            EnvelopeType::HandleRelease => "kez.chat.handle_release",
            EnvelopeType::ContactRequest => "kez.chat.contact_request",
            EnvelopeType::SigchainReceipt => "kez.sigchain.receipt",
        }
    }
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alg {
    /// PureEdDSA over the canonical payload.
    Ed25519Sha512Jcs,
    /// BIP-340 over SHA-256 of the canonical payload.
    SchnorrSha256Jcs,
}

impl Alg {
    const fn as_str(self) -> &'static str {
        match self {
            Alg::Ed25519Sha512Jcs => "ed25519-sha512-jcs",
            Alg::SchnorrSha256Jcs => "schnorr-sha256-jcs",
        }
    }

    fn parse(text: &str) -> Option<Alg> {
        [Alg::Ed25519Sha512Jcs, Alg::SchnorrSha256Jcs].into_iter().find(|alg| alg.as_str() == text)
    }

    const fn suite(self) -> Suite {
        match self {
            Alg::Ed25519Sha512Jcs => Suite::Ed25519,
            Alg::SchnorrSha256Jcs => Suite::Secp256k1,
        }
    }
}

/// An envelope of the right shape and size, whose signature nobody has looked at yet.
#[derive(Debug)]
pub struct Envelope {
    payload_type: String,
    content: Content,
    alg: String,
    key: String,
    sig: [u8; 64],
    signing_input: Vec<u8>,
    bytes: Vec<u8>,
}

/// A payload, read as far as its type is known.
#[derive(Debug)]
pub(crate) enum Content {
    Handle(registration::Members),
    Contact(contact_request::Members),
    Receipt(sigchain::ReceiptMembers),
    Unknown,
}

/// What a verified envelope is known to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The payload's `type`. A caller acts on the types that it knows and on no other.
    pub payload_type: String,
    /// The key that signed.
    pub key: KeyId,
    /// The envelope's id.
    pub id: Hash,
}

/// Verifies any envelope, in any JSON spelling: its shape, its size, its keys and its signature. Of a type that this
/// crate knows, the members and the rule who signs are checked too; a type that it does not know only has to name
/// itself. Whether the envelope is for this server, in time or new is not looked at: that is [`crate::Admission`]'s.
///
/// # Errors
/// The first problem in the order of `docs/PROTOCOL.md`: [`Code::MalformedJson`], [`Code::MalformedEnvelope`],
/// [`Code::PayloadTooLarge`], [`Code::UnsupportedAlg`], [`Code::MalformedKey`], [`Code::KeyMismatch`],
/// [`Code::BadSignature`].
pub fn verify_envelope(text: &[u8]) -> Result<Verified, Problem> {
    let members = read_object(text)?;
    if sigchain::is_event(&members) {
        return sigchain::verify_alone(members);
    }
    let envelope = Envelope::read(members, None)?;
    let alg = Alg::parse(&envelope.alg).ok_or_else(unknown_alg)?;
    let key = envelope.verify(alg)?;
    Ok(Verified { payload_type: envelope.payload_type.clone(), key, id: envelope.id() })
}

impl Envelope {
    /// Reads an envelope and checks everything about it that needs no cryptography. With `expected`, only that type
    /// is taken.
    ///
    /// # Errors
    /// [`Code::MalformedJson`], [`Code::MalformedEnvelope`], [`Code::PayloadTooLarge`], in this order.
    pub fn parse(text: &[u8], expected: Option<EnvelopeType>) -> Result<Envelope, Problem> {
        Envelope::read(read_object(text)?, expected)
    }

    fn read(mut members: Object, expected: Option<EnvelopeType>) -> Result<Envelope, Problem> {
        let bytes = object_to_canonical(&members);
        let tag = take_string(&mut members, "kez")?;
        let mut payload = take_object(&mut members, "payload")?;
        let mut signature = take_object(&mut members, "signature")?;
        no_more(&members)?;
        let alg = take_string(&mut signature, "alg")?;
        let key = take_string(&mut signature, "key")?;
        let sig = decode_lower_hex(&take_string(&mut signature, "sig")?)
            .ok_or_else(|| malformed("`sig` is 128 lower-case hex digits."))?;
        no_more(&signature)?;
        let signing_input = object_to_canonical(&payload);
        let payload_type = take_string(&mut payload, "type")?;
        let Some(Json::Integer(version)) = payload.remove("version") else {
            return Err(malformed("`version` is missing or not an integer."));
        };
        // Tag and type come in pairs: one of a pair with a foreign other half would be read differently by two readers.
        let known = EnvelopeType::ALL.into_iter().find(|t| t.tag() == tag || t.payload_type() == payload_type);
        if known.is_some_and(|t| t.tag() != tag || t.payload_type() != payload_type) {
            return Err(malformed("`kez` and `type` do not belong together."));
        }
        if expected.is_some() && expected != known {
            return Err(malformed("This is not the type of envelope that is expected here."));
        }
        if known.is_some() && version != 1 {
            return Err(malformed("`version` is 1."));
        }
        let content = match known {
            Some(EnvelopeType::HandleRegistration | EnvelopeType::HandleRelease) => {
                Content::Handle(registration::Members::read(payload)?)
            }
            Some(EnvelopeType::ContactRequest) => Content::Contact(contact_request::Members::read(payload)?),
            Some(EnvelopeType::SigchainReceipt) => Content::Receipt(sigchain::ReceiptMembers::read(payload)?),
            None => Content::Unknown,
        };
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(Problem::new(Code::PayloadTooLarge, "An envelope is at most 8192 canonical bytes."));
        }
        Ok(Envelope { payload_type, content, alg, key, sig, signing_input, bytes })
    }

    /// The envelope's id: SHA-256 over [`Envelope::canonical_bytes`].
    #[must_use]
    pub fn id(&self) -> Hash {
        Hash::of(&self.bytes)
    }

    /// JCS of the whole envelope.
    #[must_use]
    pub fn canonical_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_parts(self) -> (Content, Vec<u8>) {
        (self.content, self.bytes)
    }
}

/// Signs `payload`, which must hold the `type` and `version` of `envelope_type`, and returns the whole envelope's
/// canonical bytes.
pub(crate) fn sign(envelope_type: EnvelopeType, payload: Object, key: &SigningKey) -> Vec<u8> {
    let signature = object([
        member("alg", Alg::Ed25519Sha512Jcs.as_str()),
        member("key", key.id()),
        member("sig", const_hex::encode(key.sign(&object_to_canonical(&payload)))),
    ]);
    object_to_canonical(&object([
        member("kez", envelope_type.tag()),
        ("payload".to_owned(), Json::Object(payload)),
        ("signature".to_owned(), Json::Object(signature)),
    ]))
}

fn unknown_alg() -> Problem {
    Problem::new(Code::UnsupportedAlg, "Sign with `ed25519-sha512-jcs`.")
}

fn malformed_key(error: MalformedKey) -> Problem {
    Problem::new(Code::MalformedKey, error.to_string())
}
