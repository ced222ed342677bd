//! Receipts: a server's signed word on when it took an event, and as which entry of its log.

use crate::canonical::{Json, Object, member, object};
use crate::envelope::{Alg, Envelope, EnvelopeType, Payload, malformed, no_more, sign, take_parsed, take_time};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::Problem;
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event's chain.
    pub chain: KeyId,
    /// The event's number.
    pub seq: u64,
    /// The event's id.
    pub hash: Hash,
    /// When the server took it.
    pub received_at: Timestamp,
    /// Its place in the server's log of all chains.
    pub log_index: u64,
    /// The server's name.
    pub server: ServerName,
}

impl Receipt {
    /// Signs with the server's own key, and returns the envelope's canonical bytes.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let number =
            |name: &str, value: u64| (name.to_owned(), Json::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
        let payload = object([
            member("type", EnvelopeType::SigchainReceipt.payload_type()),
            number("version", 1),
            member("chain", self.chain),
            number("seq", self.seq),
            member("hash", self.hash),
            member("received_at", self.received_at),
            number("log_index", self.log_index),
            member("server", &self.server),
        ]);
        sign(EnvelopeType::SigchainReceipt, payload, key)
    }

    /// Reads a receipt in any JSON spelling, and returns it with the key that signed it. Whose key that is, the caller
    /// has to know.
    ///
    /// # Errors
    /// As [`crate::verify_envelope`].
    pub fn verify(text: &[u8]) -> Result<(Receipt, KeyId), Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::SigchainReceipt)?;
        let key = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let (Members(receipt), _) = envelope.into_parts();
        Ok((receipt, key))
    }
}

/// A receipt's payload, read and not yet verified.
#[derive(Debug)]
pub(crate) struct Members(Receipt);

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let mut number = |name: &str| match payload.remove(name) {
            Some(Json::Integer(value)) => {
                u64::try_from(value).map_err(|_| malformed(format!("`{name}` is not below 0.")))
            }
            _ => Err(malformed(format!("`{name}` is missing or not an integer."))),
        };
        let (seq, log_index) = (number("seq")?, number("log_index")?);
        let receipt = Receipt {
            chain: take_parsed(&mut payload, "chain", "a key's id")?,
            seq,
            hash: take_parsed(&mut payload, "hash", "sha256: and 64 lower-case hex digits")?,
            received_at: take_time(&mut payload, "received_at")?,
            log_index,
            server: take_parsed(&mut payload, "server", "a host with an optional port")?,
        };
        no_more(&payload)?;
        Ok(Members(receipt))
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        Ok(None)
    }
}
