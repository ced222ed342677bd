//! "These are key packages of mine": a device leaves them with its home server.

use super::KeyPackage;
use crate::canonical::{Json, Object, member, object};
use crate::contact_request::MessageId;
use crate::envelope::{
    Alg, Envelope, EnvelopeType, Payload, malformed, no_more, sign, take_array, take_bool, take_string, take_time,
};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::Problem;
use crate::registration::Admission;
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// Largest upload, in bytes as it is sent and in canonical ones.
pub const MAX_UPLOAD_BYTES: usize = 80 * 1024;
/// Most one-time packages that one upload brings.
pub const MAX_PACKAGES: usize = 12;

/// Key packages about to be signed by their device.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The chain key of the identity that the device belongs to.
    pub chain: KeyId,
    /// Its home server.
    pub server: ServerName,
    /// The device's clock.
    pub created_at: Timestamp,
    /// Makes this upload differ from every other.
    pub nonce: MessageId,
    /// Whether the device's packages that are not listed here are to be forgotten.
    pub replace: bool,
    /// One-time packages, at most [`MAX_PACKAGES`].
    pub packages: Vec<KeyPackage>,
    /// What is handed out when there are no others; none to leave what is there.
    pub last_resort: Option<KeyPackage>,
}

impl Upload {
    /// Signs with the device's key, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, device: &SigningKey) -> Vec<u8> {
        let text = |package: &KeyPackage| Json::String(package.to_string());
        let payload = object([
            member("type", EnvelopeType::KeyPackages.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("chain", self.chain),
            member("server", &self.server),
            member("created_at", self.created_at),
            member("nonce", self.nonce),
            ("replace".to_owned(), Json::Bool(self.replace)),
            ("packages".to_owned(), Json::Array(self.packages.iter().map(text).collect())),
            ("last_resort".to_owned(), self.last_resort.as_ref().map_or(Json::Null, text)),
        ]);
        sign(EnvelopeType::KeyPackages, payload, device)
    }
}

/// An upload that passed every check that needs no database: the device signed it, for this server, in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedUpload {
    /// The key that signed, whose packages these are if it stands for `chain`.
    pub device: KeyId,
    /// The identity that the device says to belong to.
    pub chain: KeyId,
    /// The device's time.
    pub created_at: Timestamp,
    /// The envelope's id.
    pub id: Hash,
    /// Whether packages that are not among these are to be forgotten.
    pub replace: bool,
    /// One-time packages.
    pub packages: Vec<KeyPackage>,
    /// A package of last resort, if it brings one.
    pub last_resort: Option<KeyPackage>,
}

impl Admission<'_> {
    /// Judges an upload of key packages: all that needs no database.
    ///
    /// # Errors
    /// The first check that fails: [`Code::MalformedJson`], [`Code::MalformedEnvelope`], [`Code::PayloadTooLarge`],
    /// [`Code::UnsupportedAlg`], [`Code::MalformedKey`], [`Code::BadSignature`], [`Code::WrongServer`],
    /// [`Code::StaleTimestamp`].
    ///
    /// [`Code::MalformedJson`]: crate::Code::MalformedJson
    /// [`Code::MalformedEnvelope`]: crate::Code::MalformedEnvelope
    /// [`Code::PayloadTooLarge`]: crate::Code::PayloadTooLarge
    /// [`Code::UnsupportedAlg`]: crate::Code::UnsupportedAlg
    /// [`Code::MalformedKey`]: crate::Code::MalformedKey
    /// [`Code::BadSignature`]: crate::Code::BadSignature
    /// [`Code::WrongServer`]: crate::Code::WrongServer
    /// [`Code::StaleTimestamp`]: crate::Code::StaleTimestamp
    pub fn key_packages(&self, text: &[u8]) -> Result<AdmittedUpload, Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::KeyPackages)?;
        let device = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, _) = envelope.into_parts();
        self.is_here(&members.server)?;
        self.is_timely(members.created_at)?;
        let chain = members.chain.parse().map_err(crate::envelope::malformed_key)?;
        let Members { created_at, replace, packages, last_resort, .. } = members;
        Ok(AdmittedUpload { device, chain, created_at, id, replace, packages, last_resort })
    }
}

/// The payload's members as they were sent: of the right JSON types and forms, not yet judged.
#[derive(Debug)]
pub(crate) struct Members {
    chain: String,
    server: String,
    created_at: Timestamp,
    replace: bool,
    packages: Vec<KeyPackage>,
    last_resort: Option<KeyPackage>,
}

impl Payload for Members {
    const MAX_BYTES: usize = MAX_UPLOAD_BYTES;

    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            chain: take_string(&mut payload, "chain")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_time(&mut payload, "created_at")?,
            replace: take_bool(&mut payload, "replace")?,
            packages: packages(take_array(&mut payload, "packages")?)?,
            last_resort: match payload.remove("last_resort") {
                Some(Json::Null) => None,
                Some(value) => Some(package(&value)?),
                None => return Err(malformed("`last_resort` is missing.")),
            },
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
        Ok(vec![self.chain.parse()?])
    }
}

fn packages(list: Vec<Json>) -> Result<Vec<KeyPackage>, Problem> {
    if list.len() > MAX_PACKAGES {
        return Err(malformed("`packages` has at most 12 key packages; send the others in another envelope."));
    }
    list.iter().map(package).collect()
}

fn package(value: &Json) -> Result<KeyPackage, Problem> {
    let package = match value {
        Json::String(text) => KeyPackage::from_text(text),
        _ => None,
    };
    package.ok_or_else(|| {
        malformed(
            "A key package is an MLSMessage of 64 to 4096 bytes, of wire format mls_key_package and cipher suite 0x0003, \
             in base64url without padding.",
        )
    })
}
