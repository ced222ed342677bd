//! Contact requests, as their recipient judges them: one fault each.

use serde::Serialize;
use serde_json::{Value, json};

use super::signed::{ATTACKER, IDENTITY, Kind, NOW, only_here, with, with_seed};
use super::{Expect, Files, code, put, verdict};
use crate::forge::{SchnorrSigner, Signer, jcs, key_id, sha256_id, small_order_keys};

/// The recipient.
const OTHER: u8 = 2;

/// What the broker stored under `sender`, read by `me`.
#[derive(Serialize)]
struct Case<'a> {
    now: &'a str,
    server: &'a str,
    me: String,
    sender: String,
    body: String,
    expect: Expect,
}

fn payload() -> Value {
    json!({
        "type": "kez.chat.contact_request", "version": 1, "from": Signer::of(IDENTITY).id(),
        "to": Signer::of(OTHER).id(), "server": "kez.lat", "created_at": NOW, "nonce": "ab".repeat(16),
    })
}

fn seal(payload: Value) -> Value {
    Signer::of(IDENTITY).seal("contact_request", &payload)
}

fn changed(name: &str, value: Value) -> Value {
    seal(with(payload(), &format!("/{name}"), value))
}

fn case(body: String, expect: Expect) -> Case<'static> {
    let (me, sender) = (Signer::of(OTHER).id(), Signer::of(IDENTITY).id());
    Case { now: NOW, server: "kez.lat", me, sender, body, expect }
}

fn add(files: &mut Files, name: &str, case: &Case<'_>) {
    let folder = format!("contact_request/{}", verdict(&case.expect));
    put(files, &folder, name, case);
}

fn accepted(envelope: &Value) -> Expect {
    let said = |name: &str| envelope["payload"][name].clone();
    Expect::from([
        ("envelope_id", sha256_id(&jcs(envelope)).into()),
        ("from", said("from")),
        ("created_at", said("created_at")),
        ("nonce", said("nonce")),
    ])
}

fn accepted_with_seed(envelope: &Value) -> Expect {
    with_seed(accepted(envelope))
}

pub(crate) fn add_all(files: &mut Files) {
    valid(files);
    shape(files);
    keys(files);
    signatures(files);
    context(files);
    order(files);
}

fn valid(files: &mut Files) {
    let envelope = seal(payload());
    add(files, "request", &case(jcs(&envelope), accepted_with_seed(&envelope)));
    let spaced = serde_json::to_string_pretty(&envelope).expect("a value has a text");
    add(files, "members_spaced", &case(spaced, accepted(&envelope)));
    let in_other_case = changed("server", json!("KEZ.Lat"));
    add(files, "server_in_other_case", &case(jcs(&in_other_case), accepted(&in_other_case)));
    let to_oneself = changed("to", json!(Signer::of(IDENTITY).id()));
    let me = Signer::of(IDENTITY).id();
    add(files, "to_oneself", &Case { me, ..case(jcs(&to_oneself), accepted_with_seed(&to_oneself)) });
    for (name, now) in [("from_300_seconds_ahead", "2026-05-25T02:55:00Z"), ("90_days_old", "2026-08-23T03:00:00Z")] {
        add(files, name, &Case { now, ..case(jcs(&envelope), accepted_with_seed(&envelope)) });
    }
}

fn shape(files: &mut Files) {
    let body = jcs(&seal(payload()));
    for (name, text) in [
        ("empty_body", String::new()),
        ("json_truncated", body[..body.len() - 1].to_owned()),
        ("json_trailing_document", format!("{body}{{}}")),
        ("json_duplicate_member", body.replace("\"version\":1", "\"version\":1,\"version\":1")),
        ("not_json", "+OK".to_owned()),
    ] {
        add(files, name, &case(text, code("malformed_json")));
    }
    let mut bad = |name: &str, envelope: Value| add(files, name, &case(jcs(&envelope), code("malformed_envelope")));
    for name in ["type", "version", "from", "to", "server", "created_at", "nonce"] {
        bad(&format!("payload_without_{name}"), changed(name, Value::Null));
        bad(&format!("payload_{name}_is_array"), changed(name, json!([])));
    }
    bad("payload_extra_member", changed("handle", json!("tudisco")));
    bad("payload_version_two", changed("version", json!(2)));
    bad("payload_time_with_offset", changed("created_at", json!("2026-05-25T03:00:00+00:00")));
    for (name, nonce) in [
        ("nonce_empty", String::new()),
        ("nonce_30_digits", "ab".repeat(15)),
        ("nonce_31_digits", format!("{}a", "ab".repeat(15))),
        ("nonce_34_digits", "ab".repeat(17)),
        ("nonce_upper_case", "AB".repeat(16)),
        ("nonce_not_hex", "gb".repeat(16)),
        ("nonce_with_dashes", "abababab-abab-abab-abab-abababababab".to_owned()),
    ] {
        bad(name, changed("nonce", json!(nonce)));
    }
    bad("tag_of_registration", with(seal(payload()), "/kez", json!("handle_registration")));
    bad("type_of_release", changed("type", json!("kez.chat.handle_release")));
    let registration = jcs(&Kind::Registration.seal(Kind::Registration.payload()));
    add(files, "registration", &case(registration, only_here("malformed_envelope")));
    let unknown = with(changed("type", json!("example.greeting")), "/kez", json!("greeting"));
    add(files, "unknown_type", &case(jcs(&unknown), only_here("malformed_envelope")));

    // The largest envelope, by a server's name that fills it, and one byte more.
    let base = jcs(&changed("server", json!(""))).len();
    let of_size = |size: usize| jcs(&changed("server", json!("a".repeat(size - base))));
    add(files, "size_8192_canonical_bytes", &case(of_size(8192), only_here("wrong_server")));
    add(files, "size_8193_canonical_bytes", &case(of_size(8193), code("payload_too_large")));
}

fn keys(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value, why| add(files, name, &case(jcs(&envelope), code(why)));
    let (signer, schnorr) = (Signer::of(IDENTITY), SchnorrSigner::of(IDENTITY));
    let small_order = small_order_keys().nth(1).map(|key| key_id(&key)).expect("there are eight");
    let hex = &signer.id()["ed25519:".len()..];
    bad("from_hex_only", changed("from", json!(hex)), "malformed_key");
    bad("from_of_unknown_suite", changed("from", json!(format!("x25519:{hex}"))), "malformed_key");
    bad("from_of_other_suite", changed("from", json!(schnorr.id())), "unsupported_alg");
    let both = with(changed("from", json!(small_order)), "/signature/key", json!(small_order));
    bad("from_of_small_order", both, "malformed_key");
    bad("to_hex_only", changed("to", json!(hex)), "malformed_key");
    bad("to_upper_case", changed("to", json!(format!("ed25519:{}", hex.to_uppercase()))), "malformed_key");
    bad("to_handle", changed("to", json!("tudisco@kez.lat")), "malformed_key");
    bad("to_of_other_suite", changed("to", json!(schnorr.id())), "malformed_key");
    bad("from_other_than_signer", changed("from", json!(Signer::of(ATTACKER).id())), "key_mismatch");
    let foreign = with(seal(payload()), "/signature/key", json!(Signer::of(ATTACKER).id()));
    bad("signature_key_other_than_from", foreign, "key_mismatch");
    bad("alg_unknown", with(seal(payload()), "/signature/alg", json!("ed25519")), "unsupported_alg");
    bad("alg_of_other_suite", with(seal(payload()), "/signature/alg", json!("schnorr-sha256-jcs")), "unsupported_alg");
}

fn signatures(files: &mut Files) {
    let (signer, message) = (Signer::of(IDENTITY), jcs(&payload()));
    for (name, sig) in [
        ("signature_s_plus_l", signer.sign_with_large_s(&message)),
        ("signature_r_with_torsion", signer.sign_with_torsion_in_r(&message)),
        ("signature_zero", "0".repeat(128)),
        ("signature_by_attacker", Signer::of(ATTACKER).sign(&message)),
        ("signature_over_other_type", signer.sign(&jcs(&Kind::Registration.payload()))),
    ] {
        let envelope = with(seal(payload()), "/signature/sig", json!(sig));
        add(files, name, &case(jcs(&envelope), code("bad_signature")));
    }
    for (name, member, value) in [
        ("payload_to_changed_after_signing", "to", Signer::of(3).id()),
        ("payload_nonce_changed_after_signing", "nonce", "cd".repeat(16)),
    ] {
        let envelope = with(seal(payload()), &format!("/payload/{member}"), json!(value));
        add(files, name, &case(jcs(&envelope), code("bad_signature")));
    }
}

fn context(files: &mut Files) {
    let good = || jcs(&seal(payload()));
    let other = Signer::of(ATTACKER).id();
    let for_other = Case { me: other.clone(), ..case(good(), only_here("key_mismatch")) };
    add(files, "for_other_recipient", &for_other);
    add(files, "stored_under_other_sender", &Case { sender: other, ..case(good(), only_here("key_mismatch")) });
    for (name, server) in [("server_other", "kez.la"), ("server_with_port_added", "kez.lat:443"), ("server_empty", "")]
    {
        let envelope = changed("server", json!(server));
        add(files, name, &case(jcs(&envelope), only_here("wrong_server")));
    }
    for (name, now) in
        [("from_301_seconds_ahead", "2026-05-25T02:54:59Z"), ("over_90_days_old", "2026-08-23T03:00:01Z")]
    {
        add(files, name, &Case { now, ..case(good(), only_here("stale_timestamp")) });
    }
}

/// Two faults: the check that comes first answers.
fn order(files: &mut Files) {
    let late = "2027-05-25T03:00:00Z";
    let stranger = || Signer::of(ATTACKER).id();
    let unsigned = |envelope: Value| with(envelope, "/signature/sig", json!("0".repeat(128)));
    let bad_alg = with(changed("to", json!("tudisco")), "/signature/alg", json!("ed25519"));
    add(files, "order_alg_before_to", &case(jcs(&bad_alg), code("unsupported_alg")));
    let bad_to = unsigned(changed("to", json!("tudisco")));
    add(files, "order_to_before_signature", &case(jcs(&bad_to), code("malformed_key")));
    let bad_signature = unsigned(seal(payload()));
    let case_of = Case { sender: stranger(), ..case(jcs(&bad_signature), code("bad_signature")) };
    add(files, "order_signature_before_sender", &case_of);
    let elsewhere = jcs(&changed("server", json!("kez.la")));
    let case_of = Case { sender: stranger(), ..case(elsewhere.clone(), only_here("key_mismatch")) };
    add(files, "order_sender_before_server", &case_of);
    let case_of = Case { me: stranger(), ..case(elsewhere.clone(), only_here("key_mismatch")) };
    add(files, "order_recipient_before_server", &case_of);
    add(files, "order_server_before_time", &Case { now: late, ..case(elsewhere, only_here("wrong_server")) });
}
