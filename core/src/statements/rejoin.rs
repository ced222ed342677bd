//! Rejoins: "this device of the identity `from` cannot follow its conversations with `to`; take it in again". Signed by
//! the device, carried by the broker, and judged by whoever shares a conversation with it.

use crate::canonical::{Json, Object, member, object};
use crate::contact_request::MessageId;
use crate::envelope::{Alg, Envelope, EnvelopeType, Payload, malformed, no_more, sign, take_string};
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::{Code, Problem};
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// How old a rejoin may be when it is answered, in seconds: 7 days.
pub const MAX_AGE_SECS: u64 = 7 * 86_400;

/// What a rejoin says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejoin {
    /// The asker's chain key.
    pub from: KeyId,
    /// The other identity's chain key; the asker's own for the conversation among its own devices.
    pub to: KeyId,
    /// The device that asks, which has to be the signer.
    pub device: KeyId,
    /// The home server of both.
    pub server: ServerName,
    /// The asker's clock.
    pub created_at: Timestamp,
    /// What the commit that answers carries, so that each request is answered once.
    pub nonce: MessageId,
}

/// The payload's members as they were sent.
#[derive(Debug)]
pub(crate) struct Members {
    from: String,
    to: String,
    device: String,
    server: String,
    created_at: Timestamp,
    nonce: MessageId,
}

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            from: take_string(&mut payload, "from")?,
            to: take_string(&mut payload, "to")?,
            device: take_string(&mut payload, "device")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_string(&mut payload, "created_at")?
                .parse()
                .map_err(|_| malformed("`created_at` is a UTC time written YYYY-MM-DDTHH:MM:SSZ."))?,
            nonce: take_string(&mut payload, "nonce")?.parse()?,
        };
        no_more(&payload)?;
        Ok(members)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        self.from.parse::<KeyId>()?;
        self.to.parse::<KeyId>()?;
        self.device.parse().map(Some)
    }
}

impl Rejoin {
    /// Signs with the device's key, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let payload = object([
            member("type", EnvelopeType::ConversationRejoin.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("from", self.from),
            member("to", self.to),
            member("device", self.device),
            member("server", &self.server),
            member("created_at", self.created_at),
            member("nonce", self.nonce),
        ]);
        sign(EnvelopeType::ConversationRejoin, payload, key)
    }

    /// Reads a rejoin and verifies that the device that it names signed it. Whether that device stands for `from`, is for
    /// whoever knows the chain.
    ///
    /// # Errors
    /// [`Code::MalformedJson`], [`Code::MalformedEnvelope`], [`Code::PayloadTooLarge`], [`Code::UnsupportedAlg`],
    /// [`Code::MalformedKey`], [`Code::KeyMismatch`], [`Code::BadSignature`], in this order.
    pub fn verify(text: &[u8]) -> Result<Rejoin, Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::ConversationRejoin)?;
        let device = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let (members, _) = envelope.into_parts();
        let key = |text: &str| text.parse().map_err(|_| Problem::new(Code::MalformedKey, "A chain is a key's id."));
        Ok(Rejoin {
            from: key(&members.from)?,
            to: key(&members.to)?,
            device,
            server: members.server.parse().map_err(|_| malformed("`server` is a server's name."))?,
            created_at: members.created_at,
            nonce: members.nonce,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejoin(key: &SigningKey) -> Rejoin {
        Rejoin {
            from: SigningKey::from_seed(&[2; 32]).id(),
            to: SigningKey::from_seed(&[3; 32]).id(),
            device: key.id(),
            server: "kez.lat".parse().expect("a name"),
            created_at: Timestamp::from_unix(1_800_000_000),
            nonce: MessageId::from_bytes([7; 16]),
        }
    }

    #[test]
    fn what_was_signed_is_read_again() {
        let key = SigningKey::from_seed(&[1; 32]);
        assert_eq!(Rejoin::verify(&rejoin(&key).sign(&key)), Ok(rejoin(&key)));
    }

    #[test]
    fn only_the_device_itself_asks() {
        let key = SigningKey::from_seed(&[1; 32]);
        let other = SigningKey::from_seed(&[4; 32]);
        let code = |text: &[u8]| Rejoin::verify(text).map_err(|problem| problem.code);
        assert_eq!(code(&rejoin(&key).sign(&other)), Err(Code::KeyMismatch));
        let changed = String::from_utf8(rejoin(&key).sign(&key)).expect("JSON").replace("07", "08");
        assert_eq!(code(changed.as_bytes()), Err(Code::BadSignature));
        let more = String::from_utf8(rejoin(&key).sign(&key)).expect("JSON").replace("\"from\":", "\"a\":1,\"from\":");
        assert_eq!(code(more.as_bytes()), Err(Code::MalformedEnvelope));
        assert_eq!(code(b"{"), Err(Code::MalformedJson));
    }
}
