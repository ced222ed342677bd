//! Claims of key packages, as the home server judges them before it asks its database: one fault each.

use serde_json::{Value, json};

use super::signed::{ATTACKER, IDENTITY, NOW, only_here, with};
use super::{Expect, Files, code, put, verdict};
use crate::forge::{SchnorrSigner, Signer, jcs, key_id, sha256_id, small_order_keys};

/// Whose packages are wanted.
const OTHER: u8 = 2;
/// The device of the claimer that signs.
const DEVICE: u8 = 3;

/// What arrived, and when and where.
#[derive(serde::Serialize)]
struct Case<'a> {
    now: &'a str,
    server: &'a str,
    body: String,
    expect: Expect,
}

fn payload() -> Value {
    json!({
        "type": "kez.chat.key_package_claim", "version": 1, "from": Signer::of(IDENTITY).id(),
        "to": Signer::of(OTHER).id(), "server": "kez.lat", "created_at": NOW, "nonce": "ab".repeat(16), "devices": [],
    })
}

fn seal(payload: Value) -> Value {
    Signer::of(DEVICE).seal("key_package_claim", &payload)
}

fn changed(name: &str, value: Value) -> Value {
    seal(with(payload(), &format!("/{name}"), value))
}

/// So many different keys.
fn devices(count: u8) -> Vec<String> {
    (0..count).map(|n| Signer::of(100 + n).id()).collect()
}

fn case(body: String, expect: Expect) -> Case<'static> {
    Case { now: NOW, server: "kez.lat", body, expect }
}

fn add(files: &mut Files, name: &str, case: &Case<'_>) {
    let folder = format!("key_package_claim/{}", verdict(&case.expect));
    put(files, &folder, name, case);
}

fn accepted(envelope: &Value, devices: &[String]) -> Expect {
    let said = |name: &str| envelope["payload"][name].clone();
    Expect::from([
        ("envelope_id", sha256_id(&jcs(envelope)).into()),
        ("signer", envelope["signature"]["key"].clone()),
        ("from", said("from")),
        ("to", said("to")),
        ("devices", json!(devices)),
    ])
}

fn accepted_with_seed(envelope: &Value, devices: &[String]) -> Expect {
    let mut expect = accepted(envelope, devices);
    expect.insert("seed_hex", const_hex::encode(Signer::of(DEVICE).seed).into());
    expect.insert("created_at", envelope["payload"]["created_at"].clone());
    expect.insert("nonce", envelope["payload"]["nonce"].clone());
    expect
}

pub(crate) fn add_all(files: &mut Files) {
    valid(files);
    shape(files);
    keys(files);
    signatures(files);
    context(files);
}

fn valid(files: &mut Files) {
    let envelope = seal(payload());
    add(files, "all_devices", &case(jcs(&envelope), accepted_with_seed(&envelope, &[])));
    for (name, count) in [("one_device", 1), ("sixty_four_devices", 64)] {
        let named = changed("devices", json!(devices(count)));
        add(files, name, &case(jcs(&named), accepted_with_seed(&named, &devices(count))));
    }
    let twice = changed("devices", json!([devices(2), devices(2)].concat()));
    add(files, "devices_named_twice", &case(jcs(&twice), accepted(&twice, &devices(2))));
    let own = changed("to", json!(Signer::of(IDENTITY).id()));
    add(files, "own_devices", &case(jcs(&own), accepted_with_seed(&own, &[])));
    let spaced = serde_json::to_string_pretty(&envelope).expect("a value has a text");
    add(files, "members_spaced", &case(spaced, accepted(&envelope, &[])));
    for (name, now) in [("skew_exactly_300", "2026-05-25T03:05:00Z"), ("300_seconds_ahead", "2026-05-25T02:55:00Z")] {
        add(files, name, &Case { now, ..case(jcs(&envelope), accepted(&envelope, &[])) });
    }
}

fn shape(files: &mut Files) {
    let body = jcs(&seal(payload()));
    for (name, text) in [
        ("empty_body", String::new()),
        ("json_truncated", body[..body.len() - 1].to_owned()),
        ("json_duplicate_member", body.replace("\"version\":1", "\"version\":1,\"version\":1")),
    ] {
        add(files, name, &case(text, code("malformed_json")));
    }
    let mut bad = |name: &str, envelope: Value| add(files, name, &case(jcs(&envelope), code("malformed_envelope")));
    for name in ["type", "version", "from", "to", "server", "created_at", "nonce", "devices"] {
        bad(&format!("payload_without_{name}"), changed(name, Value::Null));
        bad(&format!("payload_{name}_is_object"), changed(name, json!({})));
    }
    bad("payload_extra_member", changed("chain", json!(Signer::of(IDENTITY).id())));
    bad("payload_version_two", changed("version", json!(2)));
    bad("payload_devices_is_text", changed("devices", json!(devices(1)[0])));
    bad("payload_device_is_number", changed("devices", json!([1])));
    bad("payload_device_is_array", changed("devices", json!([[]])));
    bad("sixty_five_devices", changed("devices", json!(devices(65))));
    bad("sixty_five_times_one_device", changed("devices", json!(vec![devices(1)[0].clone(); 65])));
    bad("nonce_31_digits", changed("nonce", json!("a".repeat(31))));
    bad("nonce_upper_case", changed("nonce", json!("AB".repeat(16))));
    bad("tag_of_key_packages", with(seal(payload()), "/kez", json!("key_packages")));
    bad("type_of_contact_request", changed("type", json!("kez.chat.contact_request")));
    let base = jcs(&changed("server", json!(""))).len();
    let of_size = |size: usize| jcs(&changed("server", json!("a".repeat(size - base))));
    add(files, "size_8192_canonical_bytes", &case(of_size(8192), only_here("wrong_server")));
    add(files, "size_8193_canonical_bytes", &case(of_size(8193), code("payload_too_large")));
}

fn keys(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value, why| add(files, name, &case(jcs(&envelope), code(why)));
    let (signer, schnorr) = (Signer::of(IDENTITY), SchnorrSigner::of(IDENTITY));
    let small_order = small_order_keys().nth(1).map(|key| key_id(&key)).expect("there are eight");
    let torsion = key_id(&signer.with_torsion(1));
    let hex = signer.id()["ed25519:".len()..].to_owned();
    for member in ["from", "to", "devices"] {
        let one = |key: &str| {
            let value = if member == "devices" { json!([devices(1)[0], key]) } else { json!(key) };
            changed(member, value)
        };
        let name = member.trim_end_matches('s');
        bad(&format!("{name}_hex_only"), one(&hex), "malformed_key");
        bad(&format!("{name}_upper_case"), one(&format!("ed25519:{}", hex.to_uppercase())), "malformed_key");
        bad(&format!("{name}_handle"), one("tudisco"), "malformed_key");
        bad(&format!("{name}_of_unknown_suite"), one(&format!("x25519:{hex}")), "malformed_key");
        let suite = if member == "from" { "unsupported_alg" } else { "malformed_key" };
        bad(&format!("{name}_of_other_suite"), one(&schnorr.id()), suite);
        bad(&format!("{name}_of_small_order"), one(&small_order), "malformed_key");
        bad(&format!("{name}_with_torsion"), one(&torsion), "malformed_key");
    }
    bad("alg_unknown", with(seal(payload()), "/signature/alg", json!("ed25519")), "unsupported_alg");
    bad("alg_of_other_suite", with(seal(payload()), "/signature/alg", json!("schnorr-sha256-jcs")), "unsupported_alg");
}

fn signatures(files: &mut Files) {
    let message = jcs(&payload());
    for (name, sig) in [
        ("signature_zero", "0".repeat(128)),
        ("signature_by_attacker", Signer::of(ATTACKER).sign(&message)),
        ("signature_by_the_chain_key", Signer::of(IDENTITY).sign(&message)),
    ] {
        let envelope = with(seal(payload()), "/signature/sig", json!(sig));
        add(files, name, &case(jcs(&envelope), code("bad_signature")));
    }
    for (name, member, value) in [
        ("payload_from_changed_after_signing", "from", json!(Signer::of(ATTACKER).id())),
        ("payload_to_changed_after_signing", "to", json!(Signer::of(ATTACKER).id())),
        ("payload_devices_changed_after_signing", "devices", json!(devices(1))),
        ("payload_nonce_changed_after_signing", "nonce", json!("cd".repeat(16))),
    ] {
        let envelope = with(seal(payload()), &format!("/payload/{member}"), value);
        add(files, name, &case(jcs(&envelope), code("bad_signature")));
    }
}

/// What is wrong at this server alone; and two faults, of which the first answers.
fn context(files: &mut Files) {
    let unsigned = |envelope: Value| with(envelope, "/signature/sig", json!("0".repeat(128)));
    let elsewhere = || changed("server", json!("kez.la"));
    add(files, "server_other", &case(jcs(&elsewhere()), only_here("wrong_server")));
    for (name, now) in [("stale_301", "2026-05-25T03:05:01Z"), ("301_seconds_ahead", "2026-05-25T02:54:59Z")] {
        let late = Case { now, ..case(jcs(&seal(payload())), only_here("stale_timestamp")) };
        add(files, name, &late);
    }
    let bad_alg = with(changed("devices", json!(["tudisco"])), "/signature/alg", json!("ed25519"));
    add(files, "order_alg_before_device", &case(jcs(&bad_alg), code("unsupported_alg")));
    let bad_device = unsigned(changed("devices", json!(["tudisco"])));
    add(files, "order_device_before_signature", &case(jcs(&bad_device), code("malformed_key")));
    add(files, "order_signature_before_server", &case(jcs(&unsigned(elsewhere())), code("bad_signature")));
    let late = Case { now: "2027-05-25T03:00:00Z", ..case(jcs(&elsewhere()), only_here("wrong_server")) };
    add(files, "order_server_before_time", &late);
}
