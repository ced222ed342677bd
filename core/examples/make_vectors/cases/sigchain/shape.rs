//! What an event looks like: members, their kinds, their limits.

use serde_json::{Value, json};

use super::{DEVICE, IDENTITY, Log, changed, claim, genesis, id, moved, seal};
use crate::cases::Files;
use crate::cases::signed::with;

pub(crate) fn add_all(files: &mut Files) {
    envelope(files);
    payload(files);
    body(files);
    members(files);
    size(files);
}

fn envelope(files: &mut Files) {
    let log = Log::started();
    let event = seal(log.payload("server_move", moved("kez.lat", "b.example")), IDENTITY);
    let bad = |files: &mut Files, name: &str, event: Value| {
        log.refuses(files, &format!("envelope_{name}"), event, "bad-envelope");
    };
    bad(files, "is_a_number", json!(5));
    bad(files, "of_other_tag", with(event.clone(), "/kez", json!("handle_release")));
    bad(files, "without_payload", with(event.clone(), "/payload", Value::Null));
    bad(files, "without_signature", with(event.clone(), "/signature", Value::Null));
    bad(files, "with_sig_as_number", with(event.clone(), "/signature/sig", json!(5)));
    bad(files, "with_key_as_list", with(event.clone(), "/signature/key", json!([id(IDENTITY)])));
    bad(files, "without_alg", with(event, "/signature/alg", Value::Null));
    log.refuses_entry(
        files,
        "entry_without_event",
        "",
        json!({ "received_at": "2026-05-25T04:00:00Z" }),
        "bad-envelope",
    );
}

fn payload(files: &mut Files) {
    let log = Log::started();
    let payload = log.payload("server_move", moved("kez.lat", "b.example"));
    for (name, member, value) in [
        ("type_without_prefix", "type", json!("server_move")),
        ("type_of_other_product", "type", json!("kez.chat.server_move")),
        ("type_is_prefix_alone", "type", json!("kez.sigchain.")),
        ("type_has_prefix_twice", "type", json!("kez.sigchain.kez.sigchain.server_move")),
        ("type_is_key_possession", "type", json!("kez.sigchain.key_possession")),
        ("version_is_text", "version", json!("1")),
        ("version_missing", "version", Value::Null),
        ("chain_is_number", "chain", json!(1)),
        ("seq_is_text", "seq", json!("2")),
        ("seq_with_point", "seq", json!(2.0)),
        ("seq_beyond_2_53", "seq", json!(9_007_199_254_740_992_i64)),
        ("prev_missing", "prev", Value::Null),
        ("prev_without_prefix", "prev", json!("0".repeat(64))),
        ("prev_upper_case", "prev", json!(log.id_at(1).to_uppercase().replace("SHA", "sha"))),
        ("created_at_with_offset", "created_at", json!("2026-05-25T04:00:00+00:00")),
        ("created_at_leap_second", "created_at", json!("2016-12-31T23:59:60Z")),
        ("body_is_list", "body", json!([])),
        ("body_missing", "body", Value::Null),
    ] {
        log.refuses(files, name, changed(payload.clone(), &format!("/{member}"), value), "bad-envelope");
    }
    let unlisted = with(log.payload("pronouns_set", json!({})), "/critical", json!("no"));
    log.refuses(files, "critical_is_text", seal(unlisted, IDENTITY), "bad-envelope");
}

fn body(files: &mut Files) {
    let log = Log::with_device();
    let text = |n: usize| "é".repeat(n);
    for (name, event, body) in [
        ("server_upper_case", "server_move", moved("kez.lat", "B.example")),
        ("server_with_scheme", "server_move", moved("kez.lat", "https://b.example")),
        ("server_with_port_0", "server_move", moved("kez.lat", "b.example:0")),
        ("server_empty", "server_move", moved("kez.lat", "")),
        ("claim_type_33", "claim_add", with(claim("a"), "/claim/type", json!(text(33)))),
        ("claim_proof_2049", "claim_add", with(claim("a"), "/claim/proof", json!(text(2_049)))),
        ("claim_type_empty", "claim_add", with(claim("a"), "/claim/type", json!(""))),
        ("claim_subject_empty", "claim_add", with(claim("a"), "/claim/subject", json!(""))),
        ("claim_proof_empty", "claim_add", with(claim("a"), "/claim/proof", json!(""))),
        ("claim_is_text", "claim_add", json!({ "claim": "dns" })),
        ("claim_to_remove_is_no_hash", "claim_remove", json!({ "claim": "dns" })),
        ("revoke_for_other_reason", "revoke_key", json!({ "key": id(DEVICE), "reason": "bored" })),
        ("revoke_as_rotated", "revoke_key", json!({ "key": id(DEVICE), "reason": "rotated" })),
        ("revoke_without_reason", "revoke_key", json!({ "key": id(DEVICE) })),
        ("deactivate_for_a_number", "deactivate", json!({ "reason": 1 })),
        ("device_without_pop", "add_device_key", json!({ "key": id(super::OTHER_DEVICE) })),
        ("enc_key_is_null", "add_device_key", with(log.device(super::OTHER_DEVICE), "/enc_key", json!([]))),
    ] {
        log.refuses(files, name, seal(log.payload(event, body), IDENTITY), "bad-envelope");
    }
    let rotation = log.rotation_after(2, super::NEXT, &[super::NEXT]);
    for (name, value) in [("rotation_keys_is_text", json!("none")), ("rotation_keys_with_number", json!([1]))] {
        let body = with(rotation.clone(), "/rotation_keys", value);
        log.refuses(files, name, seal(log.payload("rotate_primary", body), IDENTITY), "bad-envelope");
    }
    let body = with(genesis(&[IDENTITY]), "/server", json!("KEZ.lat"));
    Log::empty().refuses(
        files,
        "genesis_server_upper_case",
        seal(Log::empty().payload("genesis", body), IDENTITY),
        "bad-envelope",
    );
}

fn members(files: &mut Files) {
    let log = Log::with_device();
    let payload = |body: Value| log.payload("claim_add", body);
    let event = seal(payload(claim("a.example")), IDENTITY);
    let unlisted = with(log.payload("pronouns_set", json!({})), "/critical", json!(false));
    let unknown = |files: &mut Files, name: &str, event: Value| log.refuses(files, name, event, "unknown-member");
    unknown(files, "extra_signature_member", with(event, "/signature/note", json!("hi")));
    unknown(files, "extra_body_member", seal(payload(with(claim("a.example"), "/note", json!(1))), IDENTITY));
    unknown(files, "extra_claim_member", seal(payload(with(claim("a.example"), "/claim/note", json!(1))), IDENTITY));
    unknown(files, "extra_member_of_unlisted", changed(unlisted.clone(), "/note", json!(1)));
    unknown(files, "name_not_ascii_in_unlisted", changed(unlisted, "/body/é", json!(1)));
    unknown(files, "extra_member_in_deactivate", seal(log.payload("deactivate", json!({ "note": 1 })), IDENTITY));
    let number = seal(payload(with(claim("a.example"), "/note", json!(1.5))), IDENTITY);
    log.refuses_because(files, "order_number_before_member", "a number is a matter of shape", number, "bad-envelope");
}

fn size(files: &mut Files) {
    let log = Log::started();
    let of = |length: usize| {
        let with_text = |text: String| {
            seal(with(log.payload("note", json!({ "text": text })), "/critical", json!(false)), IDENTITY)
        };
        let rest = crate::forge::jcs(&with_text(String::new())).len();
        with_text("x".repeat(length - rest))
    };
    log.refuses(files, "event_8193_bytes", of(8_193), "too-large");
    let state = super::valid::state();
    log.clone().accept(of(8_192)).gives(files, "event_8192_bytes", "", state);
}
