//! Making events.

use super::body::Body;
use super::{TYPE_PREFIX, event};
use crate::canonical::{self, Json, Object, member, object};
use crate::hash::Hash;
use crate::key::{KeyId, SigningKey};
use crate::time::Timestamp;

/// Where an event stands: its chain, its number and the event before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chain's id, which is its genesis key's.
    pub chain: KeyId,
    /// The event's number; the genesis is 1.
    pub seq: u64,
    /// The id of the event before; none before the genesis.
    pub prev: Option<Hash>,
}

impl Place {
    /// Where the genesis of the chain of `key` stands.
    #[must_use]
    pub const fn genesis(key: KeyId) -> Self {
        Place { chain: key, seq: 1, prev: None }
    }

    /// Signs `body` at this place, and returns the event's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, body: &Body, created_at: Timestamp, key: &SigningKey) -> Vec<u8> {
        event::seal(&self.payload(body, created_at), key)
    }

    /// The exact text that will be signed, for showing it.
    #[must_use]
    pub fn signing_input(&self, body: &Body, created_at: Timestamp) -> String {
        canonical::text(&self.payload(body, created_at))
    }

    fn payload(&self, body: &Body, created_at: Timestamp) -> Object {
        let mut payload = object([
            member("type", format!("{TYPE_PREFIX}{}", body.name())),
            ("version".to_owned(), Json::Integer(1)),
            member("created_at", created_at),
            ("body".to_owned(), Json::Object(body.to_object())),
        ]);
        if let Body::Unlisted { critical: Some(critical), .. } = body {
            payload.insert("critical".to_owned(), Json::Bool(*critical));
        }
        self.write(&mut payload);
        payload
    }

    /// Adds `chain`, `seq` and `prev`.
    pub(super) fn write(&self, members: &mut Object) {
        let prev = self.prev.map_or(Json::Null, |prev| Json::String(prev.to_string()));
        let seq = i64::try_from(self.seq).unwrap_or(i64::MAX);
        members.extend([
            member("chain", self.chain),
            ("seq".to_owned(), Json::Integer(seq)),
            ("prev".to_owned(), prev),
        ]);
    }
}
