//! Contact requests: "the identity `from` would like to be in touch with the identity `to`", signed, and carried by the
//! broker from one inbox to another. Whoever delivered it proves nothing; the receiver verifies.

use std::fmt;
use std::str::FromStr;

use rand_core::TryCryptoRng;

use crate::canonical::{self, Json, Object, member, object};
use crate::envelope::{EnvelopeType, Payload, malformed, no_more, sign, take_string, take_time};
use crate::hash::decode_lower_hex;
use crate::key::{KeyId, MalformedKey, SigningKey, Suite};
use crate::problem::Problem;
use crate::server_name::ServerName;
use crate::time::Timestamp;

mod pace;
mod receive;

pub use pace::{Pace, Wait};
pub use receive::{Received, Receiver, SignedRequest};

/// How old a request may be when it is read, in seconds: 90 days. A receiver has to remember what it has shown for as
/// long, and no broker keeps messages longer.
pub const MAX_AGE_SECS: u64 = 90 * 86_400;

/// 128 random bits, as 32 lower-case hex digits: a message's nonce, and the id by which the broker knows a message
/// that is sent again (`Nats-Msg-Id`). Ids are shared by all senders, so nobody may be able to guess one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// A fresh id from `rng`.
    ///
    /// # Errors
    /// What the generator gives when it cannot deliver.
    pub fn generate<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut bytes = [0; 16];
        rng.try_fill_bytes(&mut bytes)?;
        Ok(MessageId(bytes))
    }

    /// An id of these bytes, which were drawn at random.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        MessageId(bytes)
    }
}

impl FromStr for MessageId {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        decode_lower_hex(text).map(MessageId).ok_or_else(|| malformed("`nonce` is 32 lower-case hex digits."))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

/// The payload's members as they were sent: of the right JSON types and forms, not yet judged.
#[derive(Debug)]
pub(crate) struct Members {
    from: String,
    to: String,
    server: String,
    created_at: Timestamp,
    nonce: MessageId,
}

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            from: take_string(&mut payload, "from")?,
            to: take_string(&mut payload, "to")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_time(&mut payload, "created_at")?,
            nonce: take_string(&mut payload, "nonce")?.parse()?,
        };
        no_more(&payload)?;
        Ok(members)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        self.recipient()?;
        self.from.parse().map(Some)
    }
}

impl Members {
    /// The recipient's key, which has to be spelt right and of the only suite that chains have.
    fn recipient(&self) -> Result<KeyId, MalformedKey> {
        let to: KeyId = self.to.parse()?;
        if to.suite() == Suite::Ed25519 { Ok(to) } else { Err(MalformedKey::Spelling) }
    }
}

/// A contact request about to be signed.
#[derive(Clone, Debug)]
pub struct ContactRequest {
    /// The recipient's chain key.
    pub to: KeyId,
    /// The home server of both.
    pub server: ServerName,
    /// The signer's clock.
    pub created_at: Timestamp,
    /// Makes this request differ from every other, and sending it twice the same as once.
    pub nonce: MessageId,
}

impl ContactRequest {
    fn payload(&self, from: KeyId) -> Object {
        object([
            member("type", EnvelopeType::ContactRequest.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("from", from),
            member("to", self.to),
            member("server", &self.server),
            member("created_at", self.created_at),
            member("nonce", self.nonce),
        ])
    }

    /// The exact text that will be signed for `from`, for showing it.
    #[must_use]
    pub fn signing_input(&self, from: KeyId) -> String {
        canonical::text(&self.payload(from))
    }

    /// Signs for the identity whose chain key is `from`, and returns the envelope's canonical bytes, ready to be sent.
    /// Receivers believe it if `key` stands for that identity: as its chain key while there is no chain, then as its
    /// current primary or one of its active devices.
    #[must_use]
    pub fn sign(&self, from: KeyId, key: &SigningKey) -> Vec<u8> {
        sign(EnvelopeType::ContactRequest, self.payload(from), key)
    }
}
