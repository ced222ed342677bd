//! Contact requests: "the identity `from` would like to be in touch with the identity `to`", signed, and carried by the
//! broker from one inbox to another. Whoever delivered it proves nothing; the receiver verifies.

use std::fmt;
use std::str::FromStr;

use rand_core::TryCryptoRng;

use crate::canonical::{Json, Object, object_to_canonical};
use crate::envelope::{Alg, Content, Envelope, EnvelopeType, malformed, no_more, sign, take_string};
use crate::hash::{Hash, decode_lower_hex};
use crate::key::{KeyId, MalformedKey, SigningKey, Suite};
use crate::problem::{Code, Problem};
use crate::registration::CLOCK_SKEW_SECS;
use crate::server_name::ServerName;
use crate::time::Timestamp;

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
    pub(crate) from: String,
    to: String,
    server: String,
    created_at: Timestamp,
    nonce: MessageId,
}

impl Members {
    /// Reads what is left of a payload once `type` and `version` were taken.
    pub(crate) fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            from: take_string(&mut payload, "from")?,
            to: take_string(&mut payload, "to")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_string(&mut payload, "created_at")?
                .parse()
                .map_err(|_| malformed("`created_at` is a UTC time written YYYY-MM-DDTHH:MM:SSZ."))?,
            nonce: take_string(&mut payload, "nonce")?.parse()?,
        };
        no_more(&payload)?;
        Ok(members)
    }

    /// The recipient's key, which has to be spelt right and of the only suite that chains have.
    pub(crate) fn recipient(&self) -> Result<KeyId, MalformedKey> {
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
        let text = |name: &str, value: String| (name.to_owned(), Json::String(value));
        Object::from([
            text("type", EnvelopeType::ContactRequest.payload_type().to_owned()),
            ("version".to_owned(), Json::Integer(1)),
            text("from", from.to_string()),
            text("to", self.to.to_string()),
            text("server", self.server.to_string()),
            text("created_at", self.created_at.to_string()),
            text("nonce", self.nonce.to_string()),
        ])
    }

    /// The exact text that `from` will sign, for showing it.
    #[must_use]
    pub fn signing_input(&self, from: KeyId) -> String {
        String::from_utf8_lossy(&object_to_canonical(&self.payload(from))).into_owned()
    }

    /// Signs, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        sign(EnvelopeType::ContactRequest, self.payload(key.id()), key)
    }
}

/// A receiver, at the moment of reading.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// The receiver's chain key.
    pub me: KeyId,
    /// The receiver's home server.
    pub server: &'a ServerName,
    /// The receiver's clock.
    pub now: Timestamp,
}

/// A contact request that is what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who asks: the key that signed.
    pub from: KeyId,
    /// When, by the sender's clock.
    pub created_at: Timestamp,
    /// The sender's own name for this request.
    pub nonce: MessageId,
    /// The envelope's id, the same however often it is delivered.
    pub id: Hash,
}

impl Receiver<'_> {
    /// Judges what arrived, `sender` being the key that the broker stored it under ([`crate::subject::parse_inbox`]).
    ///
    /// # Errors
    /// The first check that fails: those of [`crate::verify_envelope`], then [`Code::KeyMismatch`] when `sender` did not
    /// sign it or it is for another recipient, [`Code::WrongServer`], and [`Code::StaleTimestamp`] when it is from the
    /// future or older than [`MAX_AGE_SECS`].
    pub fn verify(&self, text: &[u8], sender: &KeyId) -> Result<Received, Problem> {
        let envelope = Envelope::parse(text, Some(EnvelopeType::ContactRequest))?;
        let from = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (Content::Contact(members), _) = envelope.into_parts() else {
            return Err(malformed("This envelope is not a contact request."));
        };
        if from != *sender {
            return Err(Problem::new(Code::KeyMismatch, "Another key delivered this request than signed it."));
        }
        if members.recipient() != Ok(self.me) {
            return Err(Problem::new(Code::KeyMismatch, "This request is for another recipient."));
        }
        if !self.server.matches(&members.server) {
            return Err(Problem::new(Code::WrongServer, format!("Sign for the server {}.", self.server)));
        }
        let age = self.now.unix() - members.created_at.unix();
        let is_future = members.created_at > self.now && age.unsigned_abs() > CLOCK_SKEW_SECS;
        if is_future || age > 0 && age.unsigned_abs() > MAX_AGE_SECS {
            return Err(Problem::new(Code::StaleTimestamp, "This request is from the future, or older than 90 days."));
        }
        Ok(Received { from, created_at: members.created_at, nonce: members.nonce, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify_envelope;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_779_678_000 + seconds)
    }

    fn request() -> ContactRequest {
        let server = "kez.lat".parse().expect("a name");
        ContactRequest { to: key(2).id(), server, created_at: time(0), nonce: MessageId::from_bytes([0xab; 16]) }
    }

    fn judge(text: &[u8], me: u8, server: &str, now: i64, sender: u8) -> Result<Received, Code> {
        let server = server.parse().expect("a name");
        let receiver = Receiver { me: key(me).id(), server: &server, now: time(now) };
        receiver.verify(text, &key(sender).id()).map_err(|problem| problem.code)
    }

    #[test]
    fn a_request_is_for_one_recipient_on_one_server() {
        let text = request().sign(&key(1));
        let verified = verify_envelope(&text).expect("it verifies alone");
        let received = judge(&text, 2, "KEZ.lat", 5, 1).expect("it is mine");
        assert_eq!((received.from, received.id, received.created_at), (key(1).id(), verified.id, time(0)));
        assert_eq!(verified.payload_type, "kez.chat.contact_request");
        let shown = request().signing_input(key(1).id());
        assert!(
            String::from_utf8(text.clone()).is_ok_and(|sent| sent.contains(&shown)),
            "what is shown is what is signed"
        );
        assert_eq!(judge(&text, 3, "kez.lat", 5, 1), Err(Code::KeyMismatch), "another recipient");
        assert_eq!(judge(&text, 2, "kez.lat", 5, 3), Err(Code::KeyMismatch), "delivered by another");
        assert_eq!(judge(&text, 2, "kez.la", 5, 1), Err(Code::WrongServer));
    }

    #[test]
    fn times_are_bounded_on_both_sides() {
        let text = request().sign(&key(1));
        let oldest = i64::try_from(MAX_AGE_SECS).expect("it fits");
        assert!(judge(&text, 2, "kez.lat", oldest, 1).is_ok());
        assert_eq!(judge(&text, 2, "kez.lat", oldest + 1, 1), Err(Code::StaleTimestamp));
        assert!(judge(&text, 2, "kez.lat", -300, 1).is_ok(), "clocks differ");
        assert_eq!(judge(&text, 2, "kez.lat", -301, 1), Err(Code::StaleTimestamp));
    }

    #[test]
    fn another_envelope_is_no_contact_request() {
        let handle = "tudisco".parse().expect("a handle");
        let server: ServerName = "kez.lat".parse().expect("a name");
        let text = crate::registration::Statement::registration(handle, server, time(0)).sign(&key(1));
        assert_eq!(judge(&text, 2, "kez.lat", 0, 1), Err(Code::MalformedEnvelope));
    }
}
