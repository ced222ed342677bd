//! Drafts of signed envelopes about a handle, changed before or after they are signed.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Expect, Files, put, verdict};
use crate::forge::{Signer, jcs, sha256_id};

pub(crate) const NOW: &str = "2026-05-25T03:00:00Z";
pub(crate) const IDENTITY: u8 = 1;
pub(crate) const ATTACKER: u8 = 9;

/// The two kinds of envelope that are about a handle.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Registration,
    Release,
}

impl Kind {
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Kind::Registration => "registration",
            Kind::Release => "release",
        }
    }

    pub(crate) fn payload(self) -> Value {
        json!({
            "type": format!("kez.chat.handle_{}", self.folder()), "version": 1, "handle": "tudisco",
            "primary": Signer::of(IDENTITY).id(), "server": "kez.lat", "created_at": NOW,
        })
    }

    /// The whole envelope around `payload`, signed by the identity key.
    pub(crate) fn seal(self, payload: Value) -> Value {
        Signer::of(IDENTITY).seal(&format!("handle_{}", self.folder()), &payload)
    }
}

#[derive(Serialize)]
struct Case<'a> {
    now: &'a str,
    server: &'a str,
    body: String,
    expect: Expect,
}

/// Adds a case for the server `kez.lat` at [`NOW`].
pub(crate) fn add(files: &mut Files, kind: Kind, name: &str, body: String, expect: Expect) {
    add_at(files, kind, name, (NOW, "kez.lat"), body, expect);
}

/// Adds a case for another clock and server.
pub(crate) fn add_at(
    files: &mut Files,
    kind: Kind,
    name: &str,
    (now, server): (&str, &str),
    body: String,
    expect: Expect,
) {
    let folder = format!("{}/{}", kind.folder(), verdict(&expect));
    put(files, &folder, name, &Case { now, server, body, expect });
}

/// What comes out of an accepted envelope.
pub(crate) fn accepted(envelope: &Value) -> Expect {
    let payload = jcs(&envelope["payload"]);
    Expect::from([
        ("envelope_id", sha256_id(&jcs(envelope)).into()),
        ("canonical_payload_sha256", sha256_id(&payload).into()),
        ("canonical_payload", payload.into()),
    ])
}

/// As [`accepted`], with the seed that signs the same bytes again.
pub(crate) fn accepted_with_seed(envelope: &Value) -> Expect {
    with_seed(accepted(envelope))
}

/// `expect`, and the seed that signs the same bytes again.
pub(crate) fn with_seed(mut expect: Expect) -> Expect {
    expect.insert("seed_hex", const_hex::encode(Signer::of(IDENTITY).seed).into());
    expect
}

/// Refused where it was sent, though the envelope is valid in itself.
pub(crate) fn only_here(code: &str) -> Expect {
    Expect::from([("code", code.into()), ("envelope", "valid".into())])
}

/// `value` with the member at a JSON pointer set, or removed when `new` is null.
pub(crate) fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let members = value.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is an object");
    if new.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), new);
    }
    value
}
