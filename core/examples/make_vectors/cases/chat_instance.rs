//! Instances of devices' states.

use serde_json::{Value, json};

use super::by_device::Kind;
use super::signed::{IDENTITY, NOW};
use super::{Files, code};
use crate::forge::{Signer, jcs};

pub(crate) fn add_all(files: &mut Files) {
    let payload = json!({
        "type": "kez.chat.chat_instance", "version": 1, "chain": Signer::of(IDENTITY).id(), "server": "kez.lat",
        "created_at": NOW, "previous": "0c".repeat(16), "instance": "9a".repeat(16),
    });
    let kind = Kind { tag: "chat_instance", identity: "chain", payload };
    kind.add_all(files);
    kind.accept(files, "an_instance", &kind.sealed());
    kind.accept(files, "the_first_one", &kind.changed("previous", Value::Null));
    kind.accept(files, "the_same_again", &kind.changed("previous", json!("9a".repeat(16))));
    kind.malformed(files, [("instance_is_null", kind.changed("instance", Value::Null))]);
    for member in ["previous", "instance"] {
        for (fault, text) in [
            ("short", "a".repeat(31)),
            ("long", "a".repeat(33)),
            ("upper_case", "AB".repeat(16)),
            ("empty", String::new()),
            ("null_as_text", "null".to_owned()),
        ] {
            kind.malformed(files, [(&format!("{member}_{fault}"), kind.changed(member, json!(text)))]);
        }
        kind.malformed(files, [(&format!("{member}_is_number"), kind.changed(member, json!(1)))]);
        let mut changed = kind.sealed();
        changed["payload"][member] = json!("b".repeat(32));
        let name = format!("payload_{member}_changed_after_signing");
        kind.add(files, &name, jcs(&changed), code("bad_signature"));
    }
    let mut without = kind.sealed();
    without["payload"]["previous"] = Value::Null;
    kind.add(files, "payload_previous_taken_after_signing", jcs(&without), code("bad_signature"));
}
