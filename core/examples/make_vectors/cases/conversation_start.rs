//! Starts of conversations.

use serde_json::json;

use super::by_device::Kind;
use super::signed::{IDENTITY, NOW};
use super::{Files, code};
use crate::forge::{Signer, jcs};

pub(crate) fn add_all(files: &mut Files) {
    let payload = json!({
        "type": "kez.chat.conversation_start", "version": 1, "conversation": "0c".repeat(16),
        "from": Signer::of(IDENTITY).id(), "server": "kez.lat", "created_at": NOW, "gate": "9a".repeat(32),
    });
    let kind = Kind { tag: "conversation_start", identity: "from", payload };
    kind.add_all(files);
    kind.accept(files, "a_start", &kind.sealed());
    kind.accept(files, "all_zero", &kind.changed("conversation", json!("00".repeat(16))));
    for (member, digits) in [("conversation", 32), ("gate", 64)] {
        let of = |text: String| kind.changed(member, json!(text));
        let names =
            ["short", "long", "upper_case", "prefixed", "spaced", "empty"].map(|fault| format!("{member}_{fault}"));
        let texts = [
            "a".repeat(digits - 1),
            "a".repeat(digits + 1),
            "AB".repeat(digits / 2),
            format!("0x{}", "a".repeat(digits)),
            format!("{} ", "a".repeat(digits - 1)),
            String::new(),
        ];
        for (name, text) in names.iter().zip(texts) {
            kind.malformed(files, [(name, of(text))]);
        }
        kind.malformed(files, [(&format!("{member}_is_number"), kind.changed(member, json!(1)))]);
        let mut changed = kind.sealed();
        changed["payload"][member] = json!("b".repeat(digits));
        let name = format!("payload_{member}_changed_after_signing");
        kind.add(files, &name, jcs(&changed), code("bad_signature"));
    }
}
