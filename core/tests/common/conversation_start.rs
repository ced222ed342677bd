//! Starts of conversations.

use kez_core::conversation_start::Start;
use kez_core::{Admission, KeyId, Problem, SigningKey, Timestamp};
use serde::Deserialize;

use super::by_device::{self, Said, bytes};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Started {
    conversation: String,
    from: KeyId,
    created_at: Timestamp,
    gate: String,
}

impl Said for Started {
    const FOLDER: &'static str = "conversation_start";

    fn admit(admission: &Admission<'_>, text: &[u8]) -> Result<(String, KeyId, Self), Problem> {
        let got = admission.conversation_start(text)?;
        let (conversation, gate) = (const_hex::encode(got.conversation), const_hex::encode(got.gate));
        Ok((got.id.to_string(), got.signer, Started { conversation, from: got.from, created_at: got.created_at, gate }))
    }

    fn sign(&self, server: &str, key: &SigningKey) -> Vec<u8> {
        let (conversation, gate) = (bytes(&self.conversation), bytes(&self.gate));
        let server = server.parse().expect("the vectors name servers");
        Start { conversation, from: self.from, server, created_at: self.created_at, gate }.sign(key)
    }
}

pub(crate) fn valid() {
    by_device::valid::<Started>();
}

pub(crate) fn invalid() {
    by_device::invalid::<Started>();
}
