//! Instances of devices' states.

use kez_core::chat_instance::ChatInstance;
use kez_core::{Admission, KeyId, Problem, SigningKey, Timestamp};
use serde::Deserialize;

use super::by_device::{self, Said, bytes};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Instance {
    chain: KeyId,
    created_at: Timestamp,
    previous: Option<String>,
    instance: String,
}

impl Said for Instance {
    const FOLDER: &'static str = "chat_instance";

    fn admit(admission: &Admission<'_>, text: &[u8]) -> Result<(String, KeyId, Self), Problem> {
        let got = admission.chat_instance(text)?;
        let (previous, instance) = (got.previous.map(const_hex::encode), const_hex::encode(got.instance));
        Ok((
            got.id.to_string(),
            got.device,
            Instance { chain: got.chain, created_at: got.created_at, previous, instance },
        ))
    }

    fn sign(&self, server: &str, key: &SigningKey) -> Vec<u8> {
        let (previous, instance) = (self.previous.as_deref().map(bytes), bytes(&self.instance));
        let server = server.parse().expect("the vectors name servers");
        ChatInstance { chain: self.chain, server, created_at: self.created_at, previous, instance }.sign(key)
    }
}

pub(crate) fn valid() {
    by_device::valid::<Instance>();
}

pub(crate) fn invalid() {
    by_device::invalid::<Instance>();
}
