//! Verifying an envelope of any type: the one place that knows all of them.

use crate::canonical::{Json, Object};
use crate::envelope::{Envelope, EnvelopeType, Payload, Unread, read_object};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey};
use crate::problem::Problem;
use crate::sigchain::{self, TAG, TYPE_PREFIX};
use crate::statements::{
    chat_instance, contact_request, conversation_start, key_packages, receipt, registration, rejoin,
};

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
///
/// [`Code::MalformedJson`]: crate::Code::MalformedJson
/// [`Code::MalformedEnvelope`]: crate::Code::MalformedEnvelope
/// [`Code::PayloadTooLarge`]: crate::Code::PayloadTooLarge
/// [`Code::UnsupportedAlg`]: crate::Code::UnsupportedAlg
/// [`Code::MalformedKey`]: crate::Code::MalformedKey
/// [`Code::KeyMismatch`]: crate::Code::KeyMismatch
/// [`Code::BadSignature`]: crate::Code::BadSignature
pub fn verify_envelope(text: &[u8]) -> Result<Verified, Problem> {
    let members = read_object(text)?;
    if is_event(&members) {
        let event = sigchain::verify_alone(members)?;
        let payload_type = format!("{TYPE_PREFIX}{}", event.body().name());
        return Ok(Verified { payload_type, key: event.signer(), id: event.id() });
    }
    let unread = Unread::read(members, None)?;
    match unread.kind {
        Some(EnvelopeType::HandleRegistration | EnvelopeType::HandleRelease) => verify::<registration::Members>(unread),
        Some(EnvelopeType::ContactRequest) => verify::<contact_request::Members>(unread),
        Some(EnvelopeType::ConversationRejoin) => verify::<rejoin::Members>(unread),
        Some(EnvelopeType::SigchainReceipt) => verify::<receipt::Members>(unread),
        Some(EnvelopeType::KeyPackages) => verify::<key_packages::UploadMembers>(unread),
        Some(EnvelopeType::KeyPackageClaim) => verify::<key_packages::ClaimMembers>(unread),
        Some(EnvelopeType::ConversationStart) => verify::<conversation_start::Members>(unread),
        Some(EnvelopeType::ChatInstance) => verify::<chat_instance::Members>(unread),
        None => verify::<Unknown>(unread),
    }
}

fn verify<P: Payload>(unread: Unread) -> Result<Verified, Problem> {
    let envelope = Envelope::<P>::read(unread)?;
    let key = envelope.verify(envelope.alg()?)?;
    Ok(Verified { payload_type: envelope.payload_type().to_owned(), key, id: envelope.id() })
}

/// A payload of a type that is not known here.
struct Unknown;

impl Payload for Unknown {
    fn read(_: Object) -> Result<Self, Problem> {
        Ok(Unknown)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        Ok(None)
    }
}

/// Whether an envelope says by its tag or by its type that it is an event, rightly or not.
fn is_event(envelope: &Object) -> bool {
    let payload_type = match envelope.get("payload") {
        Some(Json::Object(payload)) => payload.get("type"),
        _ => None,
    };
    let is_type = matches!(payload_type, Some(Json::String(name))
        if name.starts_with(TYPE_PREFIX) && name != EnvelopeType::SigchainReceipt.payload_type());
    is_type || matches!(envelope.get("kez"), Some(Json::String(tag)) if tag == TAG)
}
