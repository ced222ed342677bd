//! Two faults in one event: the check that comes first answers.

use serde_json::{Value, json};

use super::{ATTACKER, DEVICE, IDENTITY, Log, id, seal};
use crate::cases::Files;
use crate::cases::signed::with;
use crate::forge::key_id;

/// One fault of an event that adds a device.
struct Fault {
    name: &'static str,
    reason: &'static str,
    place: Place,
}

enum Place {
    /// A payload member (JSON pointer), before signing.
    Payload(&'static str, Value),
    /// An envelope member, after signing.
    Envelope(&'static str, Value),
    /// The seed of the signer.
    Signer(u8),
    /// When it was received.
    Received,
}

pub(crate) fn add_all(files: &mut Files) {
    let log = log();
    let faults = faults(&log);
    for (at, first) in faults.iter().enumerate() {
        for second in &faults[at + 1..] {
            if !same_place(first, second) {
                let name = format!("order_{}_before_{}", first.name, second.name);
                log.refuses_entry(files, &name, "", entry(&log, [first, second]), first.reason);
            }
        }
    }
}

/// A chain with a device, another one that was revoked, and a claim on top.
fn log() -> Log {
    let log = Log::with_device();
    let body = log.device(super::OTHER_DEVICE);
    let revoked = json!({ "key": id(super::OTHER_DEVICE), "reason": "lost" });
    log.and(IDENTITY, "add_device_key", body).and(IDENTITY, "revoke_key", revoked)
}

/// In the order of the checks.
fn faults(log: &Log) -> Vec<Fault> {
    let fault = |name, reason, place| Fault { name, reason, place };
    let hash = format!("sha256:{}", "0".repeat(64));
    vec![
        fault("shape", "bad-envelope", Place::Payload("/version", json!(2))),
        fault("member", "unknown-member", Place::Envelope("/note", json!(1))),
        fault("size", "too-large", Place::Payload("/body/pop", json!("0".repeat(9_000)))),
        fault("chain", "wrong-chain", Place::Payload("/chain", json!(id(ATTACKER)))),
        fault("alg", "bad-alg", Place::Envelope("/signature/alg", json!("none"))),
        fault("key", "bad-key-encoding", Place::Payload("/body/enc_key", json!(key_id(&[0; 32])))),
        fault("hex", "bad-sig-encoding", Place::Envelope("/signature/sig", json!("0"))),
        fault("s", "non-canonical-s", Place::Envelope("/signature/sig", json!("f".repeat(128)))),
        fault("signature", "bad-signature", Place::Envelope("/signature/sig", json!("0".repeat(128)))),
        fault("time", "bad-received-at", Place::Received),
        fault("prev", "stale-prev", Place::Payload("/prev", json!(hash))),
        fault("seq", "bad-seq", Place::Payload("/seq", json!(9))),
        fault("fork", "fork-not-rotation", Place::Payload("/prev", json!(log.id_at(3)))),
        fault("revoked", "key-revoked", Place::Signer(super::OTHER_DEVICE)),
        fault("authority", "key-not-authorised", Place::Signer(DEVICE)),
        fault("reuse", "key-reuse", Place::Payload("/body/key", json!(id(DEVICE)))),
        fault("proof", "bad-possession-proof", Place::Payload("/body/pop", json!("0".repeat(128)))),
    ]
}

fn same_place(first: &Fault, second: &Fault) -> bool {
    match (&first.place, &second.place) {
        (Place::Payload(a, _), Place::Payload(b, _)) | (Place::Envelope(a, _), Place::Envelope(b, _)) => a == b,
        (Place::Signer(_), Place::Signer(_)) => true,
        _ => false,
    }
}

fn entry(log: &Log, faults: [&Fault; 2]) -> Value {
    let mut payload = log.payload("add_device_key", log.device(super::FURTHER));
    let (mut signer, mut received_at) = (IDENTITY, super::hour(9));
    for fault in faults {
        match &fault.place {
            Place::Payload(pointer, value) => payload = with(payload, pointer, value.clone()),
            Place::Signer(seed) => signer = *seed,
            Place::Received => received_at = super::hour(0),
            Place::Envelope(..) => {}
        }
    }
    // The number of a fork's event is its own fault only where it is told to be.
    if faults.iter().any(|fault| fault.name == "fork") && faults.iter().all(|fault| fault.name != "seq") {
        payload["seq"] = json!(4);
    }
    let mut event = seal(payload, signer);
    for fault in faults {
        if let Place::Envelope(pointer, value) = &fault.place {
            event = with(event, pointer, value.clone());
        }
    }
    json!({ "event": event, "received_at": received_at })
}
