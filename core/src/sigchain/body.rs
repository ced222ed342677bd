//! What an event says: its type and its body.

use super::claim::Claim;
use super::enc_key::EncKey;
use super::fields::{Fields, Flaws};
use super::pop::Pop;
use super::{Reason, TYPE_PREFIX};
use crate::canonical::{Json, Object, member, object};
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;

/// An event's type with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members are named and explained in docs/PROTOCOL.md")]
pub enum Body {
    /// Starts the chain.
    Genesis { primary: KeyId, rotation_keys: Vec<KeyId>, server: ServerName },
    /// Adds a device.
    AddDeviceKey { key: KeyId, enc_key: Option<EncKey>, pop: Pop },
    /// Takes a device away for good.
    RevokeKey { key: KeyId, reason: RevokeReason },
    /// Replaces the primary and the whole list of rotation keys.
    RotatePrimary { primary: KeyId, rotation_keys: Vec<KeyId>, pop: Pop },
    /// Adds a claim, whose id is the event's.
    ClaimAdd { claim: Claim },
    /// Takes a claim away.
    ClaimRemove { claim: Hash },
    /// Another server is the chain's home from now on.
    ServerMove { from: ServerName, to: ServerName },
    /// The chain takes no further event.
    Deactivate { reason: Option<String> },
    /// A type that is not listed: `name` is what follows `kez.sigchain.`. It is kept, and changes nothing.
    Unlisted { name: String, critical: Option<bool>, body: Object },
}

/// Why a device is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeReason {
    /// Nobody knows where it is.
    Lost,
    /// Somebody else may have its key.
    Compromised,
    /// It is not used any more.
    Retired,
}

impl RevokeReason {
    /// Every reason.
    pub const ALL: [RevokeReason; 3] = [RevokeReason::Lost, RevokeReason::Compromised, RevokeReason::Retired];

    /// The reason as it stands in the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            RevokeReason::Lost => "lost",
            RevokeReason::Compromised => "compromised",
            RevokeReason::Retired => "retired",
        }
    }
}

impl Body {
    /// What follows `kez.sigchain.` in the payload's `type`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Body::Genesis { .. } => "genesis",
            Body::AddDeviceKey { .. } => "add_device_key",
            Body::RevokeKey { .. } => "revoke_key",
            Body::RotatePrimary { .. } => "rotate_primary",
            Body::ClaimAdd { .. } => "claim_add",
            Body::ClaimRemove { .. } => "claim_remove",
            Body::ServerMove { .. } => "server_move",
            Body::Deactivate { .. } => "deactivate",
            Body::Unlisted { name, .. } => name,
        }
    }

    /// The keys that the body names, those of devices' encryption aside.
    pub(super) fn keys(&self) -> impl Iterator<Item = &KeyId> {
        let (key, list): (_, &[KeyId]) = match self {
            Body::Genesis { primary, rotation_keys, .. } | Body::RotatePrimary { primary, rotation_keys, .. } => {
                (Some(primary), rotation_keys)
            }
            Body::AddDeviceKey { key, .. } | Body::RevokeKey { key, .. } => (Some(key), &[]),
            _ => (None, &[]),
        };
        key.into_iter().chain(list)
    }

    pub(super) const fn pop(&self) -> Option<&Pop> {
        match self {
            Body::AddDeviceKey { pop, .. } | Body::RotatePrimary { pop, .. } => Some(pop),
            _ => None,
        }
    }

    /// Reads the body of `payload_type`; `payload` has what else only some types define.
    pub(super) fn read(payload_type: &str, payload: &mut Fields, flaws: &mut Flaws) -> Result<Body, Reason> {
        let mut fields = Fields(payload.object("body")?);
        let name = payload_type.strip_prefix(TYPE_PREFIX).ok_or(Reason::BadEnvelope)?;
        let body = match name {
            "genesis" => Body::Genesis {
                primary: fields.key("primary", flaws)?,
                rotation_keys: fields.rotation_keys(flaws)?,
                server: fields.server("server")?,
            },
            "add_device_key" => Body::AddDeviceKey {
                key: fields.key("key", flaws)?,
                enc_key: fields.enc_key(flaws)?,
                pop: fields.pop(flaws)?,
            },
            "revoke_key" => Body::RevokeKey { key: fields.key("key", flaws)?, reason: revoke_reason(&mut fields)? },
            "rotate_primary" => Body::RotatePrimary {
                primary: fields.key("primary", flaws)?,
                rotation_keys: fields.rotation_keys(flaws)?,
                pop: fields.pop(flaws)?,
            },
            "claim_add" => Body::ClaimAdd { claim: Claim::read(Fields(fields.object("claim")?), flaws)? },
            "claim_remove" => Body::ClaimRemove { claim: fields.parsed("claim")? },
            "server_move" => Body::ServerMove { from: fields.server("from")?, to: fields.server("to")? },
            "deactivate" => Body::Deactivate { reason: fields.optional_string("reason")? },
            // The prefix alone, the prefix twice, and what other signed things are called.
            "" | "receipt" | "key_possession" => return Err(Reason::BadEnvelope),
            twice if twice.starts_with(TYPE_PREFIX) => return Err(Reason::BadEnvelope),
            _ => {
                let critical = payload.optional_bool("critical")?;
                return Ok(Body::Unlisted { name: name.to_owned(), critical, body: fields.0 });
            }
        };
        fields.end(flaws);
        Ok(body)
    }

    /// The payload's `body` member.
    pub(super) fn to_object(&self) -> Object {
        let list = |keys: &[KeyId]| {
            let keys = keys.iter().map(|key| Json::String(key.to_string())).collect();
            ("rotation_keys".to_owned(), Json::Array(keys))
        };
        match self {
            Body::Genesis { primary, rotation_keys, server } => {
                object([member("primary", primary), list(rotation_keys), member("server", server)])
            }
            Body::AddDeviceKey { key, enc_key, pop } => {
                let enc_key = enc_key.iter().map(|enc_key| member("enc_key", enc_key));
                object([member("key", key), member("pop", pop)].into_iter().chain(enc_key))
            }
            Body::RevokeKey { key, reason } => object([member("key", key), member("reason", reason.as_str())]),
            Body::RotatePrimary { primary, rotation_keys, pop } => {
                object([member("primary", primary), list(rotation_keys), member("pop", pop)])
            }
            Body::ClaimAdd { claim } => object([("claim".to_owned(), Json::Object(claim.to_object()))]),
            Body::ClaimRemove { claim } => object([member("claim", claim)]),
            Body::ServerMove { from, to } => object([member("from", from), member("to", to)]),
            Body::Deactivate { reason } => object(reason.iter().map(|reason| member("reason", reason))),
            Body::Unlisted { body, .. } => body.clone(),
        }
    }
}

fn revoke_reason(fields: &mut Fields) -> Result<RevokeReason, Reason> {
    let text = fields.string("reason")?;
    RevokeReason::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(Reason::BadEnvelope)
}
