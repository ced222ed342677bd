//! Sigchains: audit logs, each with what comes out or with the reason at its last entry.

use serde::Serialize;
use serde_json::{Value, json};

use super::signed::with;
use super::{Files, put};
use crate::forge::{Signer, jcs, sha256_id};

mod fork;
mod keys;
mod order;
mod place;
mod roles;
mod shape;
mod valid;

/// Seeds, as in the given vectors.
pub(crate) const IDENTITY: u8 = 1;
pub(crate) const RECOVERY: u8 = 2;
pub(crate) const DEVICE: u8 = 3;
pub(crate) const NEXT: u8 = 4;
pub(crate) const OTHER_DEVICE: u8 = 5;
pub(crate) const FURTHER: u8 = 6;
pub(crate) const ATTACKER: u8 = 9;

pub(crate) fn add_all(files: &mut Files) {
    shape::add_all(files);
    keys::add_all(files);
    place::add_all(files);
    fork::add_all(files);
    roles::add_all(files);
    valid::add_all(files);
    order::add_all(files);
}

pub(crate) fn id(seed: u8) -> String {
    Signer::of(seed).id()
}

pub(crate) fn ids(seeds: &[u8]) -> Vec<String> {
    seeds.iter().map(|seed| id(*seed)).collect()
}

/// An audit log in the making, and the ids of the events in its chain.
#[derive(Clone)]
pub(crate) struct Log {
    entries: Vec<Value>,
    chain: Vec<String>,
    nullified: Vec<String>,
}

#[derive(Serialize)]
struct Case {
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'static str,
    chain: String,
    entries: Vec<Value>,
    expect: Value,
}

impl Log {
    pub(crate) fn empty() -> Self {
        Log { entries: Vec::new(), chain: Vec::new(), nullified: Vec::new() }
    }

    /// A chain whose genesis has these rotation keys.
    pub(crate) fn with(rotation_keys: &[u8]) -> Self {
        Log::empty().and(IDENTITY, "genesis", genesis(rotation_keys))
    }

    /// The usual genesis: recovery key above identity key.
    pub(crate) fn started() -> Self {
        Log::with(&[RECOVERY, IDENTITY])
    }

    /// With a device.
    pub(crate) fn with_device() -> Self {
        let log = Log::started();
        let body = log.device(DEVICE);
        log.and(IDENTITY, "add_device_key", body)
    }

    /// The number of the newest event.
    pub(crate) fn head(&self) -> usize {
        self.chain.len()
    }

    pub(crate) fn id_at(&self, seq: usize) -> &str {
        &self.chain[seq - 1]
    }

    /// An event's payload behind event number `after`.
    pub(crate) fn payload_after(&self, after: usize, name: &str, body: Value) -> Value {
        let prev = after.checked_sub(1).map(|at| self.chain[at].clone());
        json!({
            "type": format!("kez.sigchain.{name}"), "version": 1, "chain": id(IDENTITY), "seq": after + 1,
            "prev": prev, "created_at": hour(self.entries.len()), "body": body,
        })
    }

    pub(crate) fn payload(&self, name: &str, body: Value) -> Value {
        self.payload_after(self.head(), name, body)
    }

    /// The proof that `seed` signs for the place behind event number `after`.
    pub(crate) fn pop_after(&self, after: usize, seed: u8, role: &str) -> String {
        Signer::of(seed).sign(&jcs(&self.possession(after, &id(seed), role)))
    }

    pub(crate) fn possession(&self, after: usize, key: &str, role: &str) -> Value {
        json!({
            "type": "kez.sigchain.key_possession", "version": 1, "chain": id(IDENTITY), "seq": after + 1,
            "prev": self.chain[after - 1], "key": key, "role": role,
        })
    }

    /// The body that adds a device.
    pub(crate) fn device(&self, seed: u8) -> Value {
        json!({ "key": id(seed), "pop": self.pop_after(self.head(), seed, "device") })
    }

    /// The body that makes `primary` the primary, with these rotation keys, behind event number `after`.
    pub(crate) fn rotation_after(&self, after: usize, primary: u8, rotation_keys: &[u8]) -> Value {
        let pop = self.pop_after(after, primary, "primary");
        json!({ "primary": id(primary), "rotation_keys": ids(rotation_keys), "pop": pop })
    }

    /// Adds an accepted event behind the head, an hour later.
    pub(crate) fn and(self, signer: u8, name: &str, body: Value) -> Self {
        let event = seal(self.payload(name, body), signer);
        self.accept(event)
    }

    /// Adds an accepted rotation behind event number `after`, an hour later.
    pub(crate) fn rotated_after(self, after: usize, signer: u8, primary: u8, rotation_keys: &[u8]) -> Self {
        let event = self.rotation_event(after, signer, primary, rotation_keys);
        self.accept(event)
    }

    pub(crate) fn rotation_event(&self, after: usize, signer: u8, primary: u8, rotation_keys: &[u8]) -> Value {
        let body = self.rotation_after(after, primary, rotation_keys);
        seal(self.payload_after(after, "rotate_primary", body), signer)
    }

    pub(crate) fn accept(self, event: Value) -> Self {
        let at = hour(self.entries.len());
        self.accept_at(event, &at)
    }

    /// Adds an accepted event.
    pub(crate) fn accept_at(mut self, event: Value, received_at: &str) -> Self {
        let after = event["payload"]["seq"].as_u64().expect("an accepted event has a number") - 1;
        let displaced = self.chain.drain(usize::try_from(after).expect("it is small")..);
        self.nullified.extend(displaced);
        self.chain.push(sha256_id(&jcs(&event)));
        self.entries.push(json!({ "event": event, "received_at": received_at }));
        self
    }

    /// A case whose last entry is this event, refused.
    pub(crate) fn refuses(&self, files: &mut Files, name: &str, event: Value, reason: &str) {
        self.refuses_because(files, name, "", event, reason);
    }

    pub(crate) fn refuses_because(&self, files: &mut Files, name: &str, why: &'static str, event: Value, reason: &str) {
        let entry = json!({ "event": event, "received_at": hour(self.entries.len()) });
        self.refuses_entry(files, name, why, entry, reason);
    }

    pub(crate) fn refuses_entry(&self, files: &mut Files, name: &str, why: &'static str, entry: Value, reason: &str) {
        let entries = self.entries.iter().cloned().chain([entry]).collect();
        let case = Case { why, chain: id(IDENTITY), entries, expect: json!({ "error": reason }) };
        put(files, "sigchain/invalid", name, &case);
    }

    /// A case that is refused as it stands.
    pub(crate) fn is_refused(&self, files: &mut Files, name: &str, reason: &str) {
        let (entries, expect) = (self.entries.clone(), json!({ "error": reason }));
        put(files, "sigchain/invalid", name, &Case { why: "", chain: id(IDENTITY), entries, expect });
    }

    /// A case of which this much is accepted, and the state that comes out.
    pub(crate) fn gives(&self, files: &mut Files, name: &str, why: &'static str, state: Value) {
        let head = self.chain.last();
        let expect = json!({ "head": head, "nullified": self.nullified, "state": state });
        let case = Case { why, chain: id(IDENTITY), entries: self.entries.clone(), expect };
        put(files, "sigchain/valid", name, &case);
    }
}

/// Signs a payload.
pub(crate) fn seal(payload: Value, seed: u8) -> Value {
    Signer::of(seed).seal("sigchain_event", &payload)
}

/// A payload with one member changed, signed by the identity.
pub(crate) fn changed(payload: Value, pointer: &str, value: Value) -> Value {
    seal(with(payload, pointer, value), IDENTITY)
}

pub(crate) fn genesis(rotation_keys: &[u8]) -> Value {
    json!({ "primary": id(IDENTITY), "rotation_keys": ids(rotation_keys), "server": "kez.lat" })
}

pub(crate) fn claim(subject: &str) -> Value {
    json!({ "claim": { "type": "dns", "subject": subject, "proof": "dns:_kez.example.com?type=TXT" } })
}

pub(crate) fn moved(from: &str, to: &str) -> Value {
    json!({ "from": from, "to": to })
}

/// The n-th hour of the story.
pub(crate) fn hour(n: usize) -> String {
    format!("2026-05-{:02}T{:02}:00:00Z", 25 + (n + 3) / 24, (n + 3) % 24)
}
