//! Two faults in one body: the check that comes first answers.

use serde_json::{Value, json};

use super::signed::{ATTACKER, Kind, add, with};
use super::{Files, code};
use crate::forge::{Signer, jcs, key_id};

/// One fault, with the place where it is put in.
struct Fault {
    name: &'static str,
    code: &'static str,
    place: Place,
}

enum Place {
    /// A payload member, before signing.
    Payload(&'static str, String),
    /// An envelope member (JSON pointer), after signing.
    Envelope(&'static str, Value),
    /// The body's text.
    Text(fn(String) -> String),
}

pub(crate) fn add_all(files: &mut Files) {
    let faults = faults();
    for (at, first) in faults.iter().enumerate() {
        for second in &faults[at + 1..] {
            if first.code == second.code || same_place(first, second) {
                continue;
            }
            let name = format!("order_{}_before_{}", first.name, second.name);
            for kind in [Kind::Registration, Kind::Release] {
                // A release is judged by the same code up to the server; the rest of its order is its own.
                let own_order = matches!(first.name, "server" | "handle") && second.name != "reserved";
                if matches!(kind, Kind::Registration) || own_order {
                    add(files, kind, &name, body(kind, [first, second]), code(first.code));
                }
            }
        }
    }
}

/// In the order of the checks.
fn faults() -> Vec<Fault> {
    let fault = |name, code, place| Fault { name, code, place };
    let small_order = key_id(&[0; 32]);
    vec![
        fault("json", "malformed_json", Place::Text(|text| text + "}")),
        fault("number", "malformed_envelope", Place::Text(|text| text.replace("\"version\":1", "\"version\":1.0"))),
        fault("member", "malformed_envelope", Place::Envelope("/signature/note", json!("hi"))),
        fault("size", "payload_too_large", Place::Payload("handle", "a".repeat(9000))),
        fault("alg", "unsupported_alg", Place::Envelope("/signature/alg", json!("ed25519"))),
        fault("key", "malformed_key", Place::Payload("primary", small_order)),
        fault("signer", "key_mismatch", Place::Envelope("/signature/key", json!(Signer::of(ATTACKER).id()))),
        fault("signature", "bad_signature", Place::Envelope("/signature/sig", json!("0".repeat(128)))),
        fault("server", "wrong_server", Place::Payload("server", "evil.example".into())),
        fault("handle", "invalid_handle", Place::Payload("handle", "ab".into())),
        fault("reserved", "reserved_handle", Place::Payload("handle", "admin".into())),
        fault("time", "stale_timestamp", Place::Payload("created_at", "2026-05-25T03:05:01Z".into())),
    ]
}

fn same_place(first: &Fault, second: &Fault) -> bool {
    matches!((&first.place, &second.place), (Place::Payload(a, _), Place::Payload(b, _)) if a == b)
}

fn body(kind: Kind, faults: [&Fault; 2]) -> String {
    let mut payload = kind.payload();
    for fault in faults {
        if let Place::Payload(name, value) = &fault.place {
            payload[*name] = json!(value);
        }
    }
    let mut envelope = kind.seal(payload);
    for fault in faults {
        if let Place::Envelope(pointer, value) = &fault.place {
            envelope = with(envelope, pointer, value.clone());
        }
    }
    let mut text = jcs(&envelope);
    for fault in faults {
        if let Place::Text(edit) = fault.place {
            text = edit(text);
        }
    }
    text
}
