//! "Give me a key package of each of their devices": what somebody signs who is about to add these to a group.

use crate::canonical::{Json, Object, member, object};
use crate::contact_request::MessageId;
use crate::envelope::{
    Alg, Envelope, EnvelopeType, Payload, malformed, malformed_key, no_more, sign, take_array, take_string, take_time,
};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey, Suite};
use crate::problem::Problem;
use crate::registration::Admission;
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// Most devices that a claim names.
pub const MAX_DEVICES: usize = 64;

/// A claim about to be signed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The chain key of the identity that claims.
    pub from: KeyId,
    /// The chain key of the identity whose packages they are.
    pub to: KeyId,
    /// The home server of both.
    pub server: ServerName,
    /// The signer's clock.
    pub created_at: Timestamp,
    /// Makes this claim differ from every other.
    pub nonce: MessageId,
    /// The devices that are wanted, at most [`MAX_DEVICES`]; all of them if there are none.
    pub devices: Vec<KeyId>,
}

impl Claim {
    /// Signs with a key that stands for `from`, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let devices = self.devices.iter().map(|device| Json::String(device.to_string()));
        let payload = object([
            member("type", EnvelopeType::KeyPackageClaim.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("from", self.from),
            member("to", self.to),
            member("server", &self.server),
            member("created_at", self.created_at),
            member("nonce", self.nonce),
            ("devices".to_owned(), Json::Array(devices.collect())),
        ]);
        sign(EnvelopeType::KeyPackageClaim, payload, key)
    }
}

/// A claim that passed every check that needs no database: it is signed, for this server, in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedClaim {
    /// The key that signed.
    pub signer: KeyId,
    /// The identity that it says to stand for.
    pub from: KeyId,
    /// The identity whose packages are wanted.
    pub to: KeyId,
    /// The signer's time.
    pub created_at: Timestamp,
    /// The envelope's id.
    pub id: Hash,
    /// The devices that are wanted, each once, in the order in which they were named; all of them if there are none.
    pub devices: Vec<KeyId>,
}

impl Admission<'_> {
    /// Judges a claim of key packages: all that needs no database.
    ///
    /// # Errors
    /// Those of [`Admission::key_packages`].
    pub fn key_package_claim(&self, text: &[u8]) -> Result<AdmittedClaim, Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::KeyPackageClaim)?;
        let signer = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, _) = envelope.into_parts();
        self.is_here(&members.server)?;
        self.is_timely(members.created_at)?;
        let key = |text: &str| text.parse::<KeyId>().map_err(malformed_key);
        let (from, to) = (key(&members.from)?, key(&members.to)?);
        let mut devices = Vec::with_capacity(members.devices.len());
        for device in &members.devices {
            let device = key(device)?;
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
        Ok(AdmittedClaim { signer, from, to, created_at: members.created_at, id, devices })
    }
}

/// The payload's members as they were sent: of the right JSON types and forms, not yet judged.
#[derive(Debug)]
pub(crate) struct Members {
    from: String,
    to: String,
    server: String,
    created_at: Timestamp,
    devices: Vec<String>,
}

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            from: take_string(&mut payload, "from")?,
            to: take_string(&mut payload, "to")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_time(&mut payload, "created_at")?,
            devices: devices(take_array(&mut payload, "devices")?)?,
        };
        // It makes envelopes differ, and says nothing else.
        take_string(&mut payload, "nonce")?.parse::<MessageId>()?;
        no_more(&payload)?;
        Ok(members)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        Ok(None)
    }

    fn named(&self) -> Result<Vec<KeyId>, MalformedKey> {
        let mut keys = Vec::with_capacity(2 + self.devices.len());
        keys.push(self.from.parse()?);
        for text in std::iter::once(&self.to).chain(&self.devices) {
            let key: KeyId = text.parse()?;
            // Chains and devices have no other suite.
            if key.suite() != Suite::Ed25519 {
                return Err(MalformedKey::Spelling);
            }
            // Looking at a key costs as much as a signature, so at each once.
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }
}

fn devices(list: Vec<Json>) -> Result<Vec<String>, Problem> {
    if list.len() > MAX_DEVICES {
        return Err(malformed("`devices` names at most 64 keys; leave it empty for all."));
    }
    let text = |value| match value {
        Json::String(text) => Ok(text),
        _ => Err(malformed("`devices` is a list of keys' ids.")),
    };
    list.into_iter().map(text).collect()
}
