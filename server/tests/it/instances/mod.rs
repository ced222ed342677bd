//! Instances of devices' states, over HTTP: of a state, one life goes on.

mod limits;
mod refused;
mod restarts;
mod told;

use kez_chat_server::clock::Clock as _;
use kez_core::chat_instance::ChatInstance;
use kez_core::{KeyId, SigningKey, Timestamp};
use serde_json::json;

use crate::harness::{Answer, Server, name};

pub(crate) const PATH: &str = "/v1/chat/instance";

/// That a device of `chain` is in this life of its state.
pub(crate) fn said(chain: KeyId, previous: Option<u8>, instance: u8, now: Timestamp) -> ChatInstance {
    let previous = previous.map(|previous| [previous; 16]);
    ChatInstance { chain, server: name(), created_at: now, previous, instance: [instance; 16] }
}

impl Server {
    /// Says so, signed now by a key that is a chain of its own.
    async fn says(&self, key: &SigningKey, previous: Option<u8>, instance: u8) -> Answer {
        self.post(PATH, said(key.id(), previous, instance, self.clock.now()).sign(key)).await
    }
}

impl Answer {
    /// Asserts what is kept of a device.
    fn kept(&self, status: u16, device: KeyId, instance: u8) {
        self.was(status);
        assert_eq!(self.json(), json!({ "device": device, "instance": format!("{instance:02x}").repeat(16) }));
    }

    /// Asserts that a copy is told so.
    fn conflicts(&self) {
        self.is(409, "conversation_conflict");
        let members: Vec<String> = self.json().as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members, ["code", "detail", "status", "title", "type"]);
    }
}
