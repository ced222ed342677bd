//! Making events.

use super::body::Body;
use super::place::Place;
use super::{TYPE_PREFIX, event};
use crate::canonical::{self, Json, Object, member, object};
use crate::key::SigningKey;
use crate::time::Timestamp;

impl Place {
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
}
