//! Uploads of key packages, as the home server judges them before it asks its database: one fault each.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::signed::{ATTACKER, IDENTITY, Kind, NOW, only_here, with};
use super::{Expect, Files, code, put, verdict};
use crate::forge::{SchnorrSigner, Signer, jcs, key_id, sha256_id, small_order_keys};

/// The device whose packages they are.
const DEVICE: u8 = 3;

/// What arrived, and when and where.
#[derive(serde::Serialize)]
struct Case<'a> {
    now: &'a str,
    server: &'a str,
    body: String,
    expect: Expect,
}

/// Bytes that begin as a key package does, of this length; `fill` makes one differ from another.
fn bytes(fill: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 5, 0, 1, 0, 3];
    bytes.resize(length, fill);
    bytes
}

fn package(fill: u8, length: usize) -> Value {
    json!(BASE64URL_NOPAD.encode(&bytes(fill, length)))
}

fn payload() -> Value {
    json!({
        "type": "kez.chat.key_packages", "version": 1, "chain": Signer::of(IDENTITY).id(), "server": "kez.lat",
        "created_at": NOW, "nonce": "ab".repeat(16), "replace": false,
        "packages": [package(1, 64), package(2, 300)], "last_resort": package(9, 301),
    })
}

fn seal(payload: Value) -> Value {
    Signer::of(DEVICE).seal("key_packages", &payload)
}

/// The member with another value; removed where that is none.
fn changed(name: &str, value: Option<Value>) -> Value {
    let mut payload = payload();
    let members = payload.as_object_mut().expect("a payload is an object");
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    seal(payload)
}

fn case(body: String, expect: Expect) -> Case<'static> {
    Case { now: NOW, server: "kez.lat", body, expect }
}

fn add(files: &mut Files, name: &str, case: &Case<'_>) {
    let folder = format!("key_packages/{}", verdict(&case.expect));
    put(files, &folder, name, case);
}

fn accepted(envelope: &Value) -> Expect {
    let said = |name: &str| envelope["payload"][name].clone();
    Expect::from([
        ("envelope_id", sha256_id(&jcs(envelope)).into()),
        ("device", envelope["signature"]["key"].clone()),
        ("chain", said("chain")),
        ("replace", said("replace")),
        ("packages", said("packages")),
        ("last_resort", said("last_resort")),
    ])
}

fn accepted_with_seed(envelope: &Value) -> Expect {
    let mut expect = accepted(envelope);
    expect.insert("seed_hex", const_hex::encode(Signer::of(DEVICE).seed).into());
    expect.insert("created_at", envelope["payload"]["created_at"].clone());
    expect.insert("nonce", envelope["payload"]["nonce"].clone());
    expect
}

pub(crate) fn add_all(files: &mut Files) {
    valid(files);
    shape(files);
    packages(files);
    sizes(files);
    keys(files);
    signatures(files);
    context(files);
    order(files);
}

fn valid(files: &mut Files) {
    let twelve: Vec<_> = (0..12).map(|fill| package(fill, 4_096)).collect();
    for (name, member, value) in [
        ("packages_and_last_resort", "replace", json!(false)),
        ("replace", "replace", json!(true)),
        ("last_resort_alone", "packages", json!([])),
        ("packages_alone", "last_resort", Value::Null),
        ("twelve_packages_of_4096_bytes", "packages", json!(twelve)),
        ("one_package_twice", "packages", json!([package(1, 64), package(1, 64)])),
    ] {
        let envelope = changed(member, Some(value));
        add(files, name, &case(jcs(&envelope), accepted_with_seed(&envelope)));
    }
    let envelope = seal(payload());
    let spaced = serde_json::to_string_pretty(&envelope).expect("a value has a text");
    add(files, "members_spaced", &case(spaced, accepted(&envelope)));
    let in_other_case = changed("server", Some(json!("KEZ.Lat")));
    add(files, "server_in_other_case", &case(jcs(&in_other_case), accepted(&in_other_case)));
    let by_the_chain_key = {
        let signer = Signer::of(IDENTITY);
        let signed = with(seal(payload()), "/signature/key", json!(signer.id()));
        with(signed, "/signature/sig", json!(signer.sign(&jcs(&payload()))))
    };
    add(files, "signed_by_the_chain_key", &case(jcs(&by_the_chain_key), accepted(&by_the_chain_key)));
    for (name, now) in [("skew_exactly_300", "2026-05-25T03:05:00Z"), ("300_seconds_ahead", "2026-05-25T02:55:00Z")] {
        add(files, name, &Case { now, ..case(jcs(&envelope), accepted(&envelope)) });
    }
}

fn shape(files: &mut Files) {
    let body = jcs(&seal(payload()));
    for (name, text) in [
        ("empty_body", String::new()),
        ("json_truncated", body[..body.len() - 1].to_owned()),
        ("json_trailing_document", format!("{body}{{}}")),
        ("json_duplicate_member", body.replace("\"replace\":false", "\"replace\":false,\"replace\":true")),
    ] {
        add(files, name, &case(text, code("malformed_json")));
    }
    let mut bad = |name: &str, envelope: Value| add(files, name, &case(jcs(&envelope), code("malformed_envelope")));
    for name in ["type", "version", "chain", "server", "created_at", "nonce", "replace", "packages", "last_resort"] {
        bad(&format!("payload_without_{name}"), changed(name, None));
        bad(&format!("payload_{name}_is_object"), changed(name, Some(json!({}))));
    }
    for name in ["chain", "replace", "packages"] {
        bad(&format!("payload_{name}_is_null"), changed(name, Some(Value::Null)));
    }
    bad("payload_extra_member", changed("device", Some(json!(Signer::of(DEVICE).id()))));
    bad("payload_version_two", changed("version", Some(json!(2))));
    bad("payload_replace_is_text", changed("replace", Some(json!("false"))));
    bad("payload_replace_is_number", changed("replace", Some(json!(0))));
    bad("payload_packages_is_text", changed("packages", Some(package(1, 64))));
    bad("payload_last_resort_is_array", changed("last_resort", Some(json!([package(1, 64)]))));
    bad("payload_time_with_offset", changed("created_at", Some(json!("2026-05-25T03:00:00+00:00"))));
    bad("nonce_31_digits", changed("nonce", Some(json!("a".repeat(31)))));
    bad("nonce_upper_case", changed("nonce", Some(json!("AB".repeat(16)))));
    bad("tag_of_registration", with(seal(payload()), "/kez", json!("handle_registration")));
    bad("tag_of_claim", with(seal(payload()), "/kez", json!("key_package_claim")));
    bad("type_of_claim", changed("type", Some(json!("kez.chat.key_package_claim"))));
    let registration = jcs(&Kind::Registration.seal(Kind::Registration.payload()));
    add(files, "registration", &case(registration, only_here("malformed_envelope")));
}

/// Packages of another form, among good ones and as a last resort.
fn packages(files: &mut Files) {
    let begins = |at: usize, byte: u8| {
        let mut bytes = bytes(1, 64);
        bytes[at] = byte;
        json!(BASE64URL_NOPAD.encode(&bytes))
    };
    let text = |value: Value| value.as_str().expect("a text").to_owned();
    let good = text(package(1, 64));
    for (name, bad) in [
        ("of_63_bytes", package(1, 63)),
        ("of_4097_bytes", package(1, 4_097)),
        ("empty", json!("")),
        ("of_version_mls20", begins(1, 2)),
        ("of_wire_format_welcome", begins(3, 3)),
        ("of_wire_format_private_message", begins(3, 2)),
        ("of_inner_version_two", begins(5, 2)),
        ("of_cipher_suite_1", begins(7, 1)),
        ("of_cipher_suite_0x0103", begins(6, 1)),
        ("with_padding", json!(format!("{good}=="))),
        ("with_bits_to_spare", json!(format!("{}x", &good[..good.len() - 1]))),
        ("of_impossible_length", json!(format!("{good}AAA"))),
        ("in_the_other_alphabet", json!(good.replacen("AQEB", "+/EB", 1))),
        ("with_white_space", json!(format!("{good}\n"))),
        ("is_number", json!(1)),
        ("is_null", Value::Null),
        ("is_array", json!([good])),
    ] {
        let among = changed("packages", Some(json!([package(2, 64), bad])));
        add(files, &format!("package_{name}"), &case(jcs(&among), code("malformed_envelope")));
        if !bad.is_null() {
            let last = changed("last_resort", Some(bad));
            add(files, &format!("last_resort_{name}"), &case(jcs(&last), code("malformed_envelope")));
        }
    }
    let thirteen: Vec<_> = (0..13).map(|fill| package(fill, 64)).collect();
    add(
        files,
        "thirteen_packages",
        &case(jcs(&changed("packages", Some(json!(thirteen)))), code("malformed_envelope")),
    );
    // More values than a reader keeps of what can be no envelope.
    let many = changed("packages", Some(json!(vec![""; 9_000])));
    add(files, "nine_thousand_empty_packages", &case(jcs(&many), code("malformed_envelope")));
}

/// The largest envelope, by a server's name that fills it, and one byte more.
fn sizes(files: &mut Files) {
    let twelve: Vec<_> = (0..12).map(|fill| package(fill, 4_096)).collect();
    let filled = |server: String| {
        let mut payload = payload();
        payload["packages"] = json!(twelve);
        payload["server"] = json!(server);
        jcs(&seal(payload))
    };
    let base = filled(String::new()).len();
    let of_size = |size: usize| filled("a".repeat(size - base));
    add(files, "size_81920_canonical_bytes", &case(of_size(81_920), only_here("wrong_server")));
    add(files, "size_81921_canonical_bytes", &case(of_size(81_921), code("payload_too_large")));
}

fn keys(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value, why| add(files, name, &case(jcs(&envelope), code(why)));
    let (signer, schnorr) = (Signer::of(IDENTITY), SchnorrSigner::of(IDENTITY));
    let small_order = small_order_keys().nth(1).map(|key| key_id(&key)).expect("there are eight");
    let hex = &signer.id()["ed25519:".len()..];
    bad("chain_hex_only", changed("chain", Some(json!(hex))), "malformed_key");
    bad("chain_upper_case", changed("chain", Some(json!(signer.id().to_uppercase()))), "malformed_key");
    bad("chain_handle", changed("chain", Some(json!("tudisco@kez.lat"))), "malformed_key");
    bad("chain_of_unknown_suite", changed("chain", Some(json!(format!("x25519:{hex}")))), "malformed_key");
    bad("chain_of_other_suite", changed("chain", Some(json!(schnorr.id()))), "unsupported_alg");
    bad("chain_of_small_order", changed("chain", Some(json!(small_order))), "malformed_key");
    bad("chain_with_torsion", changed("chain", Some(json!(key_id(&signer.with_torsion(1))))), "malformed_key");
    bad("signer_of_small_order", with(seal(payload()), "/signature/key", json!(small_order)), "malformed_key");
    bad("alg_unknown", with(seal(payload()), "/signature/alg", json!("ed25519")), "unsupported_alg");
    bad("alg_of_other_suite", with(seal(payload()), "/signature/alg", json!("schnorr-sha256-jcs")), "unsupported_alg");
    // Well signed by the other suite, which devices do not have.
    let schnorr_signed = {
        let signed = with(seal(payload()), "/signature/alg", json!("schnorr-sha256-jcs"));
        let signed = with(signed, "/signature/key", json!(schnorr.id()));
        with(signed, "/signature/sig", json!(schnorr.sign(&jcs(&payload()))))
    };
    bad("signed_with_schnorr", schnorr_signed, "unsupported_alg");
}

fn signatures(files: &mut Files) {
    let (signer, message) = (Signer::of(DEVICE), jcs(&payload()));
    for (name, sig) in [
        ("signature_s_plus_l", signer.sign_with_large_s(&message)),
        ("signature_zero", "0".repeat(128)),
        ("signature_by_attacker", Signer::of(ATTACKER).sign(&message)),
        ("signature_by_the_chain_key", Signer::of(IDENTITY).sign(&message)),
    ] {
        let envelope = with(seal(payload()), "/signature/sig", json!(sig));
        add(files, name, &case(jcs(&envelope), code("bad_signature")));
    }
    for (name, member, value) in [
        ("payload_chain_changed_after_signing", "chain", json!(Signer::of(ATTACKER).id())),
        ("payload_replace_changed_after_signing", "replace", json!(true)),
        ("payload_packages_changed_after_signing", "packages", json!([package(1, 64)])),
        ("payload_nonce_changed_after_signing", "nonce", json!("cd".repeat(16))),
    ] {
        let envelope = with(seal(payload()), &format!("/payload/{member}"), value);
        add(files, name, &case(jcs(&envelope), code("bad_signature")));
    }
    let mut without = seal(payload());
    without["payload"]["last_resort"] = Value::Null;
    add(files, "payload_last_resort_taken_after_signing", &case(jcs(&without), code("bad_signature")));
}

fn context(files: &mut Files) {
    for (name, server) in [("server_other", "kez.la"), ("server_with_port_added", "kez.lat:443"), ("server_empty", "")]
    {
        let envelope = changed("server", Some(json!(server)));
        add(files, name, &case(jcs(&envelope), only_here("wrong_server")));
    }
    for (name, now) in [("stale_301", "2026-05-25T03:05:01Z"), ("301_seconds_ahead", "2026-05-25T02:54:59Z")] {
        let late = Case { now, ..case(jcs(&seal(payload())), only_here("stale_timestamp")) };
        add(files, name, &late);
    }
}

/// Two faults: the check that comes first answers.
fn order(files: &mut Files) {
    let unsigned = |envelope: Value| with(envelope, "/signature/sig", json!("0".repeat(128)));
    let small = json!(package(1, 63));
    let torn = jcs(&changed("packages", Some(json!([small])))) + "}";
    add(files, "order_json_before_package", &case(torn, code("malformed_json")));
    let twelve: Vec<_> = (0..12).map(|fill| package(fill, 4_096)).collect();
    let mut large = payload();
    large["packages"] = json!(twelve);
    large["server"] = json!("a".repeat(20_000));
    let mut both = large.clone();
    both["last_resort"] = small;
    add(files, "order_package_before_size", &case(jcs(&seal(both)), code("malformed_envelope")));
    let large = with(seal(large), "/signature/alg", json!("ed25519"));
    add(files, "order_size_before_alg", &case(jcs(&large), code("payload_too_large")));
    let bad_alg = with(changed("chain", Some(json!("tudisco"))), "/signature/alg", json!("ed25519"));
    add(files, "order_alg_before_chain", &case(jcs(&bad_alg), code("unsupported_alg")));
    let bad_chain = unsigned(changed("chain", Some(json!("tudisco"))));
    add(files, "order_chain_before_signature", &case(jcs(&bad_chain), code("malformed_key")));
    let elsewhere = changed("server", Some(json!("kez.la")));
    add(files, "order_signature_before_server", &case(jcs(&unsigned(elsewhere.clone())), code("bad_signature")));
    let late = Case { now: "2027-05-25T03:00:00Z", ..case(jcs(&elsewhere), only_here("wrong_server")) };
    add(files, "order_server_before_time", &late);
}
