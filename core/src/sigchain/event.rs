//! An event's envelope: its shape, its size, its keys and its signature; everything that needs no other event.

use std::ops::Range;

use super::Reason;
use super::body::Body;
use super::fields::{Fields, Flaws};
use super::keyring::{Fresh, Keyring, s_is_canonical};
use super::place::Place;
use crate::canonical::{self, Json, Object, member, object, object_to_canonical};
use crate::envelope::MAX_ENVELOPE_BYTES;
use crate::hash::Hash;
use crate::key::{KeyId, SigningKey};
use crate::problem::Problem;
use crate::time::Timestamp;

/// The envelope's tag.
pub(crate) const TAG: &str = "sigchain_event";
const ALG: &str = "ed25519-sha512-jcs";
/// Members stand in the order of their names, so the signed payload is one piece of the whole.
const BEFORE_PAYLOAD: &[u8] = br#"{"kez":"sigchain_event","payload":"#;
const BEFORE_SIGNATURE: &[u8] = br#","signature":"#;

/// What most events fit in, so that writing one asks for memory once.
const USUAL_BYTES: usize = 1_024;

/// An event whose keys and signature were found good. Whether it fits its chain is the chain's to say.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) id: Hash,
    pub(super) signer: KeyId,
    pub(super) seq: u64,
    pub(super) prev: Option<Hash>,
    pub(super) body: Body,
    pub(super) bytes: Vec<u8>,
    /// The keys that it names for the first time.
    pub(super) fresh: Fresh,
    created_at: Timestamp,
}

impl Event {
    /// The event's id: SHA-256 of [`Event::canonical_bytes`].
    #[must_use]
    pub const fn id(&self) -> Hash {
        self.id
    }

    /// The key that signed.
    #[must_use]
    pub const fn signer(&self) -> KeyId {
        self.signer
    }

    /// The event's number.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// What the event says.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// When the signer says it was made; no rule reads it.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// JCS of the whole envelope.
    #[must_use]
    pub fn canonical_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn place(&self, chain: KeyId) -> Place {
        Place { chain, seq: self.seq, prev: self.prev }
    }
}

/// An event of the right shape and size, whose signature nobody has looked at yet.
#[derive(Clone, Debug)]
pub struct Unverified {
    event: Event,
    chain: String,
    alg: String,
    sig: [u8; 64],
    payload: Range<usize>,
    flaws: Flaws,
}

/// Why a text is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// It is no JSON ([`crate::Code::MalformedJson`]).
    #[error("{0}")]
    Json(Problem),
    /// It is JSON, but no event: [`Reason::BadEnvelope`], [`Reason::UnknownMember`] or [`Reason::TooLarge`].
    #[error("{0}")]
    Refused(Reason),
}

impl Unverified {
    /// Reads an event in any JSON spelling.
    ///
    /// # Errors
    /// [`NotAnEvent`].
    pub fn parse(text: &[u8]) -> Result<Unverified, NotAnEvent> {
        let json = canonical::parse_unjudged(text, canonical::MAX_DEPTH).map_err(NotAnEvent::Json)?;
        Unverified::read(json).map_err(NotAnEvent::Refused)
    }

    /// The event's id: SHA-256 of [`Unverified::canonical_bytes`].
    #[must_use]
    pub const fn id(&self) -> Hash {
        self.event.id
    }

    /// JCS of the whole envelope.
    #[must_use]
    pub fn canonical_bytes(&self) -> &[u8] {
        &self.event.bytes
    }

    /// Reads an event that was parsed already, for example within an audit log, where numbers and names were not judged.
    ///
    /// # Errors
    /// [`Reason::BadEnvelope`], [`Reason::UnknownMember`], [`Reason::TooLarge`].
    pub fn read(json: Json) -> Result<Unverified, Reason> {
        let mut flaws = Flaws::default();
        flaws.look_at(&json)?;
        let Json::Object(envelope) = json else { return Err(Reason::BadEnvelope) };
        let mut envelope = Fields(envelope);
        if envelope.string("kez")? != TAG {
            return Err(Reason::BadEnvelope);
        }
        let payload = envelope.object("payload")?;
        let signature = envelope.object("signature")?;
        envelope.end(&mut flaws);
        let (bytes, range) = assemble(&payload, &signature);

        let mut signature = Fields(signature);
        let alg = signature.string("alg")?;
        let signer = signature.key("key", &mut flaws)?;
        let sig = flaws.sig(&signature.string("sig")?);
        signature.end(&mut flaws);

        let mut payload = Fields(payload);
        let payload_type = payload.string("type")?;
        if payload.integer("version")? != 1 {
            return Err(Reason::BadEnvelope);
        }
        let chain = payload.string("chain")?;
        // No event has a number below 1, so 0 stands for all of them.
        let seq = u64::try_from(payload.integer("seq")?).unwrap_or(0);
        let prev = payload.hash_or_null("prev")?;
        let created_at = payload.parsed("created_at")?;
        let body = Body::read(&payload_type, &mut payload, &mut flaws)?;
        payload.end(&mut flaws);

        if flaws.unknown_member {
            return Err(Reason::UnknownMember);
        }
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(Reason::TooLarge);
        }
        let id = Hash::of(&bytes);
        let event = Event { id, signer, seq, prev, body, bytes, fresh: Fresh::new(), created_at };
        Ok(Unverified { event, chain, alg, sig, payload: range, flaws })
    }

    /// The checks from the chain to the signature. `chain` is the id's text.
    pub(super) fn authenticate(self, chain: &str, keyring: &Keyring) -> Result<Event, Reason> {
        let Unverified { mut event, sig, flaws, .. } = self;
        if self.chain != chain {
            return Err(Reason::WrongChain);
        }
        if self.alg != ALG {
            return Err(Reason::BadAlg);
        }
        if flaws.rotation_keys {
            return Err(Reason::BadRotationKeys);
        }
        if flaws.key {
            return Err(Reason::BadKeyEncoding);
        }
        for key in event.body.keys().chain([&event.signer]) {
            keyring.look_at(key, &mut event.fresh)?;
        }
        if flaws.sig {
            return Err(Reason::BadSigEncoding);
        }
        if !s_is_canonical(&sig) || event.body.pop().is_some_and(|pop| !s_is_canonical(pop.as_bytes())) {
            return Err(Reason::NonCanonicalS);
        }
        if keyring.verifies(&event.signer, &event.fresh, &event.bytes[self.payload], &sig) {
            Ok(event)
        } else {
            Err(Reason::BadSignature)
        }
    }
}

/// Verifies an event's envelope with no chain in sight.
pub(crate) fn verify_alone(envelope: Object) -> Result<Event, Problem> {
    let event = Unverified::read(Json::Object(envelope)).map_err(Reason::as_envelope_problem)?;
    let chain = event.chain.clone();
    if chain.parse::<KeyId>().is_err() {
        return Err(Reason::BadKeyEncoding.as_envelope_problem());
    }
    event.authenticate(&chain, &Keyring::default()).map_err(Reason::as_envelope_problem)
}

/// Signs a payload, and returns the whole event's canonical bytes.
pub(super) fn seal(payload: &Object, key: &SigningKey) -> Vec<u8> {
    let sig = const_hex::encode(key.sign(&object_to_canonical(payload)));
    assemble(payload, &object([member("alg", ALG), member("key", key.id()), member("sig", sig)])).0
}

/// JCS of the envelope, and where the payload is in it.
fn assemble(payload: &Object, signature: &Object) -> (Vec<u8>, Range<usize>) {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend_from_slice(BEFORE_PAYLOAD);
    canonical::append(&mut bytes, payload);
    let range = BEFORE_PAYLOAD.len()..bytes.len();
    bytes.extend_from_slice(BEFORE_SIGNATURE);
    canonical::append(&mut bytes, signature);
    bytes.push(b'}');
    (bytes, range)
}
