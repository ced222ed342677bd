//! Reading an envelope as far as that needs no word of what it says.

use super::kind::EnvelopeType;
use super::members::{malformed, no_more, take_object, take_string};
use super::signature::Signature;
use crate::canonical::{Json, Object, object_to_canonical};
use crate::hash::decode_lower_hex;
use crate::problem::Problem;

/// An envelope of the right shape, whose payload was not read yet.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Which of the known types it is.
    pub(crate) kind: Option<EnvelopeType>,
    /// The payload's `type`.
    pub(super) payload_type: String,
    /// What is left of the payload: `type` and `version` were taken.
    pub(super) payload: Object,
    pub(super) signature: Signature,
    /// JCS of the whole envelope.
    pub(super) bytes: Vec<u8>,
}

impl Unread {
    /// Takes the envelope apart. With `expected`, only that type is taken.
    ///
    /// # Errors
    /// [`crate::Code::MalformedEnvelope`].
    pub(crate) fn read(mut members: Object, expected: Option<EnvelopeType>) -> Result<Unread, Problem> {
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
        let signature = Signature { alg, key, sig, over: object_to_canonical(&payload) };
        let payload_type = take_string(&mut payload, "type")?;
        let Some(Json::Integer(version)) = payload.remove("version") else {
            return Err(malformed("`version` is missing or not an integer."));
        };
        // Tag and type come in pairs: one of a pair with a foreign other half would be read differently by two readers.
        let kind = EnvelopeType::ALL.into_iter().find(|t| t.tag() == tag || t.payload_type() == payload_type);
        if kind.is_some_and(|t| t.tag() != tag || t.payload_type() != payload_type) {
            return Err(malformed("`kez` and `type` do not belong together."));
        }
        if expected.is_some() && expected != kind {
            return Err(malformed("This is not the type of envelope that is expected here."));
        }
        if kind.is_some() && version != 1 {
            return Err(malformed("`version` is 1."));
        }
        Ok(Unread { kind, payload_type, payload, signature, bytes })
    }
}
