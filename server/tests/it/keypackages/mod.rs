//! Key packages, over HTTP: what devices leave, and who gets what.

mod claims;
mod limits;
mod refused;
mod restarts;
mod together;
mod uploads;

use std::sync::atomic::{AtomicU64, Ordering};

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::contact_request::MessageId;
use kez_core::key_packages::{Claim, KeyPackage, Upload};
use kez_core::{KeyId, SigningKey, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, key, name};

pub(crate) const PATH: &str = "/v1/keypackages";
pub(crate) const CLAIMS: &str = "/v1/keypackages/claims";

/// A key package that differs from those of other numbers.
pub(crate) fn package(number: u16) -> KeyPackage {
    of_length(number, 70)
}

/// One of this length.
pub(crate) fn of_length(number: u16, length: usize) -> KeyPackage {
    let mut bytes = [&[0, 1, 0, 5, 0, 1, 0, 3][..], &number.to_be_bytes()].concat();
    bytes.resize(length, 7);
    KeyPackage::from_bytes(bytes).expect("it begins as one")
}

/// An upload of no packages, unlike every other.
pub(crate) fn upload(chain: KeyId, now: Timestamp) -> Upload {
    let (packages, last_resort) = (Vec::new(), None);
    Upload { chain, server: name(), created_at: now, nonce: nonce(), replace: false, packages, last_resort }
}

/// An upload of these packages.
pub(crate) fn packages(chain: KeyId, now: Timestamp, numbers: impl IntoIterator<Item = u16>) -> Upload {
    Upload { packages: numbers.into_iter().map(package).collect(), ..upload(chain, now) }
}

/// A claim of packages of all devices, unlike every other.
pub(crate) fn claim(from: KeyId, to: KeyId, now: Timestamp) -> Claim {
    Claim { from, to, server: name(), created_at: now, nonce: nonce(), devices: Vec::new() }
}

fn nonce() -> MessageId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    MessageId::from_bytes(bytes)
}

/// By the machine's clock, as programs of their own have it.
fn machine_time() -> Timestamp {
    SystemClock.now()
}

impl Server {
    /// Leaves packages of `device` here, signed now.
    pub(crate) async fn put(
        &self,
        device: &SigningKey,
        chain: KeyId,
        numbers: impl IntoIterator<Item = u16>,
    ) -> Answer {
        self.post(PATH, packages(chain, self.clock.now(), numbers).sign(device)).await
    }

    /// Claims packages of all devices, signed now.
    pub(crate) async fn claim(&self, by: &SigningKey, from: KeyId, to: KeyId) -> Answer {
        self.post(CLAIMS, claim(from, to, self.clock.now()).sign(by)).await
    }

    /// A server with handles of these keys: `person1`, `person2` …
    async fn with(people: &[u8]) -> Server {
        let server = Server::start().await;
        for seed in people {
            server.register(&format!("person{seed}"), &key(*seed)).await;
        }
        server
    }
}

impl Answer {
    /// Asserts what an upload was answered.
    fn has(&self, status: u16, device: KeyId, available: u64, has_last_resort: bool) {
        self.was(status);
        let held = json!({ "device": device, "available": available, "has_last_resort": has_last_resort });
        assert_eq!(self.json(), held);
    }

    /// The packages of a claim's answer by their numbers, each with whether it is a last resort; and who is missing.
    pub(crate) fn given(&self) -> (Vec<(u16, bool)>, Vec<Value>) {
        self.was(200);
        let body = self.json();
        let number = |given: &Value| {
            let package = KeyPackage::from_text(given["package"].as_str().expect("a text")).expect("a package");
            let bytes = package.as_bytes();
            (u16::from_be_bytes([bytes[8], bytes[9]]), given["last_resort"].as_bool().expect("a boolean"))
        };
        let packages = body["packages"].as_array().expect("packages").iter().map(number).collect();
        (packages, body["missing"].as_array().expect("keys").clone())
    }
}
