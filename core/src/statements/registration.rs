//! Taking and releasing a handle: the two envelopes, and the checks that need nothing but a clock and the server's name.

use std::borrow::Cow;

use crate::canonical::{self, Json, Object, member, object};
use crate::envelope::{Alg, Envelope, EnvelopeType, Payload, no_more, sign, take_string, take_time};
use crate::handle::Handle;
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::{Code, Problem};
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// Largest request body that the server reads, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// How far `created_at` may be from the server's clock, in seconds, in either direction and inclusive.
pub const CLOCK_SKEW_SECS: u64 = 300;

/// The payload's members as they were sent: of the right JSON types, not yet judged.
#[derive(Debug)]
pub(crate) struct Members {
    handle: String,
    primary: String,
    server: String,
    created_at: Timestamp,
}

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            handle: take_string(&mut payload, "handle")?,
            primary: take_string(&mut payload, "primary")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_time(&mut payload, "created_at")?,
        };
        no_more(&payload)?;
        Ok(members)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        self.primary.parse().map(Some)
    }
}

/// What a server judges an envelope against.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// The server's own name.
    pub server: &'a ServerName,
    /// The server's clock.
    pub now: Timestamp,
}

/// An admitted envelope: it passed every check that needs no database, and is signed by `primary`, for this server, in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The handle that is taken or released.
    pub handle: Handle,
    /// The key that signed.
    pub primary: KeyId,
    /// The signer's time.
    pub created_at: Timestamp,
    /// The envelope's id.
    pub id: Hash,
    /// The whole envelope's canonical bytes.
    pub envelope: Vec<u8>,
}

impl Admission<'_> {
    /// Judges a registration (checks 1 to 8 of the protocol, the body's size and media type aside).
    ///
    /// # Errors
    /// The first check that fails: [`Code::MalformedJson`], [`Code::MalformedEnvelope`], [`Code::PayloadTooLarge`],
    /// [`Code::UnsupportedAlg`], [`Code::MalformedKey`], [`Code::KeyMismatch`], [`Code::BadSignature`],
    /// [`Code::WrongServer`], [`Code::InvalidHandle`], [`Code::ReservedHandle`], [`Code::StaleTimestamp`].
    pub fn registration(&self, text: &[u8]) -> Result<Admitted, Problem> {
        self.admit(EnvelopeType::HandleRegistration, text)
    }

    /// Judges a release: as a registration, except that a reserved handle is not looked at.
    ///
    /// # Errors
    /// As [`Admission::registration`], without [`Code::ReservedHandle`].
    pub fn release(&self, text: &[u8]) -> Result<Admitted, Problem> {
        self.admit(EnvelopeType::HandleRelease, text)
    }

    fn admit(&self, expected: EnvelopeType, text: &[u8]) -> Result<Admitted, Problem> {
        let envelope = Envelope::<Members>::parse(text, expected)?;
        let primary = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, envelope) = envelope.into_parts();
        self.is_here(&members.server)?;
        let handle: Handle = members.handle.parse()?;
        if expected == EnvelopeType::HandleRegistration && handle.is_reserved() {
            return Err(Problem::new(
                Code::ReservedHandle,
                "This handle is kept for the server itself; choose another.",
            ));
        }
        self.is_timely(members.created_at)?;
        Ok(Admitted { handle, primary, created_at: members.created_at, id, envelope })
    }

    /// Whether an envelope is for this server.
    ///
    /// # Errors
    /// [`Code::WrongServer`].
    pub(crate) fn is_here(&self, server: &str) -> Result<(), Problem> {
        if self.server.matches(server) {
            return Ok(());
        }
        Err(Problem::new(Code::WrongServer, format!("Sign for the server {}.", self.server)))
    }

    /// Whether an envelope was signed lately, by the server's clock.
    ///
    /// # Errors
    /// [`Code::StaleTimestamp`].
    pub(crate) fn is_timely(&self, created_at: Timestamp) -> Result<(), Problem> {
        if created_at.abs_diff(self.now) <= CLOCK_SKEW_SECS {
            return Ok(());
        }
        let detail = format!("Sign again with `created_at` within 300 seconds of {}; check your clock.", self.now);
        Err(Problem { server_time: Some(self.now), ..Problem::new(Code::StaleTimestamp, detail) })
    }
}

/// What a person is about to sign: that a key takes or releases a handle on a server at a time.
#[derive(Clone, Debug)]
pub struct Statement {
    kind: EnvelopeType,
    handle: Handle,
    server: ServerName,
    created_at: Timestamp,
}

impl Statement {
    /// "This key takes `handle`."
    #[must_use]
    pub fn registration(handle: Handle, server: ServerName, created_at: Timestamp) -> Self {
        Statement { kind: EnvelopeType::HandleRegistration, handle, server, created_at }
    }

    /// "This key releases `handle`."
    #[must_use]
    pub fn release(handle: Handle, server: ServerName, created_at: Timestamp) -> Self {
        Statement { kind: EnvelopeType::HandleRelease, handle, server, created_at }
    }

    fn payload(&self, primary: KeyId) -> Object {
        object([
            member("type", self.kind.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("handle", &self.handle),
            member("primary", primary),
            member("server", &self.server),
            member("created_at", self.created_at),
        ])
    }

    /// The exact text that `primary` will sign, for showing it.
    #[must_use]
    pub fn signing_input(&self, primary: KeyId) -> String {
        canonical::text(&self.payload(primary))
    }

    /// Signs, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        sign(self.kind, self.payload(key.id()), key)
    }
}

/// What a reader expects a served registration envelope to say.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The handle that was looked up.
    pub handle: &'a Handle,
    /// The key that the reader was shown.
    pub primary: KeyId,
    /// The server that was asked.
    pub server: &'a ServerName,
}

/// Why a served registration does not prove what it was served for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is no verifiable registration envelope at all.
    #[error("{0}")]
    Invalid(#[from] Problem),
    /// It is somebody's registration, but this member says something else.
    #[error("The signed registration says `{member}` is {signed}.")]
    Differs {
        /// `handle`, `primary` or `server`.
        member: &'static str,
        /// What the envelope says.
        signed: Cow<'static, str>,
    },
}

impl Expected<'_> {
    /// Verifies that `text` is the registration of exactly this handle by exactly this key on exactly this server, at
    /// whatever time, without trusting whoever served it.
    ///
    /// # Errors
    /// [`Unproven`], the first thing that is wrong.
    pub fn verify(&self, text: &[u8]) -> Result<Admitted, Unproven> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::HandleRegistration)?;
        let primary = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, envelope) = envelope.into_parts();
        let differs = |member, signed: String| Err(Unproven::Differs { member, signed: signed.into() });
        if members.handle != self.handle.as_str() {
            return differs("handle", members.handle);
        }
        if primary != self.primary {
            return differs("primary", primary.to_string());
        }
        if !self.server.matches(&members.server) {
            return differs("server", members.server);
        }
        Ok(Admitted { handle: self.handle.clone(), primary, created_at: members.created_at, id, envelope })
    }
}
