//! "I am the one that has this device's state": said whenever a state of conversations is opened, so that a copy of it, or a
//! state that was restored, is found out before it encrypts anything.

use crate::canonical::{Json, Object, member, object};
use crate::envelope::{
    Alg, Envelope, EnvelopeType, Payload, malformed, malformed_key, no_more, sign, take_hex, take_string, take_time,
};
use crate::hash::{Hash, decode_lower_hex};
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::Problem;
use crate::registration::Admission;
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// An instance of a device's state about to be signed for by the device.
#[derive(Clone, Debug)]
pub struct ChatInstance {
    /// The chain key of the identity that the device belongs to.
    pub chain: KeyId,
    /// Its home server.
    pub server: ServerName,
    /// The device's clock.
    pub created_at: Timestamp,
    /// The instance that the state was before; none only of a state that holds no groups and no private keys.
    pub previous: Option<[u8; 16]>,
    /// The instance that it is from now on, 16 random bytes.
    pub instance: [u8; 16],
}

impl ChatInstance {
    /// Signs with the device's key, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, device: &SigningKey) -> Vec<u8> {
        let previous = self.previous.map_or(Json::Null, |previous| Json::String(const_hex::encode(previous)));
        let payload = object([
            member("type", EnvelopeType::ChatInstance.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("chain", self.chain),
            member("server", &self.server),
            member("created_at", self.created_at),
            ("previous".to_owned(), previous),
            member("instance", const_hex::encode(self.instance)),
        ]);
        sign(EnvelopeType::ChatInstance, payload, device)
    }
}

/// An instance that passed every check that needs no database: the device signed it, for this server, in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedInstance {
    /// The key that signed, whose instance this is if it stands for `chain`.
    pub device: KeyId,
    /// The identity that the device says to belong to.
    pub chain: KeyId,
    /// The instance that it was.
    pub previous: Option<[u8; 16]>,
    /// The instance that it is.
    pub instance: [u8; 16],
    /// The device's time.
    pub created_at: Timestamp,
    /// The envelope's id.
    pub id: Hash,
}

impl Admission<'_> {
    /// Judges an instance of a device's state: all that needs no database.
    ///
    /// # Errors
    /// Those of [`Admission::key_packages`].
    pub fn chat_instance(&self, text: &[u8]) -> Result<AdmittedInstance, Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::ChatInstance)?;
        let device = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, _) = envelope.into_parts();
        self.is_here(&members.server)?;
        self.is_timely(members.created_at)?;
        let chain = members.chain.parse().map_err(malformed_key)?;
        let Members { created_at, previous, instance, .. } = members;
        Ok(AdmittedInstance { device, chain, previous, instance, created_at, id })
    }
}

/// The payload's members as they were sent: of the right JSON types and forms, not yet judged.
#[derive(Debug)]
pub(crate) struct Members {
    chain: String,
    server: String,
    created_at: Timestamp,
    previous: Option<[u8; 16]>,
    instance: [u8; 16],
}

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            chain: take_string(&mut payload, "chain")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_time(&mut payload, "created_at")?,
            previous: match payload.remove("previous") {
                Some(Json::Null) => None,
                Some(Json::String(hex)) => Some(decode_lower_hex(&hex).ok_or_else(no_previous)?),
                Some(_) => return Err(no_previous()),
                None => return Err(malformed("`previous` is missing.")),
            },
            instance: take_hex(&mut payload, "instance")?,
        };
        no_more(&payload)?;
        Ok(members)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        Ok(None)
    }

    fn named(&self) -> Result<Vec<KeyId>, MalformedKey> {
        Ok(vec![self.chain.parse()?])
    }
}

fn no_previous() -> Problem {
    malformed("`previous` is null or 32 lower-case hex digits.")
}
