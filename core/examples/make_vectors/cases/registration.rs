//! Registrations: one fault each, at every check.

use serde_json::{Value, json};

use super::signed::{ATTACKER, IDENTITY, Kind, NOW, accepted, accepted_with_seed, add, add_at, only_here, with};
use super::{Files, code};
use crate::forge::{SchnorrSigner, Signer, jcs, key_id, small_order_keys};

const KIND: Kind = Kind::Registration;

pub(crate) fn add_all(files: &mut Files) {
    valid(files);
    text(files);
    shape(files);
    times(files);
    keys(files);
    signatures(files);
    context(files);
}

/// The payload with one member changed, sealed.
fn changed(name: &str, value: Value) -> Value {
    KIND.seal(with(KIND.payload(), &format!("/{name}"), value))
}

fn untouched() -> Value {
    KIND.seal(KIND.payload())
}

fn valid(files: &mut Files) {
    for (name, handle) in [
        ("handle_3_characters", "abc"),
        ("handle_32_characters", "a23456789012345678901234567890_2"),
        ("handle_begins_with_digit", "0-_"),
    ] {
        let envelope = changed("handle", json!(handle));
        add(files, KIND, name, jcs(&envelope), accepted_with_seed(&envelope));
    }
    let envelope = changed("created_at", json!("2026-05-25T03:05:00Z"));
    add(files, KIND, "skew_exactly_300_ahead", jcs(&envelope), accepted_with_seed(&envelope));
    let envelope = changed("created_at", json!("2024-02-29T23:59:59Z"));
    let at = ("2024-03-01T00:00:00Z", "kez.lat");
    add_at(files, KIND, "leap_day", at, jcs(&envelope), accepted_with_seed(&envelope));
    let envelope = changed("server", json!("KEZ.Lat"));
    add(files, KIND, "server_in_other_case", jcs(&envelope), accepted(&envelope));
    let envelope = changed("server", json!("localhost:6969"));
    add_at(files, KIND, "server_with_port", (NOW, "localhost:6969"), jcs(&envelope), accepted_with_seed(&envelope));
    let envelope = untouched();
    let escaped = jcs(&envelope).replace("tudisco", "\\u0074\\u0075disco").replace("\"kez\"", "\"\\u006bez\"");
    add(files, KIND, "escapes_that_need_not_be", escaped, accepted(&envelope));
    let spaced = jcs(&envelope).replace("\":", "\" :\r\n\t").replace(',', " ,\n").replace('}', "\t}");
    add(files, KIND, "every_kind_of_white_space", format!("\t{spaced}\n"), accepted(&envelope));
    let padded = format!("{}{}", jcs(&envelope), " ".repeat(8192));
    add(files, KIND, "size_counts_canonical_bytes_only", padded, accepted(&envelope));
}

fn text(files: &mut Files) {
    let body = jcs(&untouched());
    for (name, text) in [
        ("empty_body", String::new()),
        ("json_byte_order_mark", format!("\u{feff}{body}")),
        ("json_trailing_document", format!("{body}{{}}")),
        ("json_trailing_nul", format!("{body}\0")),
        ("json_truncated", body[..body.len() - 1].to_owned()),
        ("json_duplicate_after_unescaping", body.replace("\"version\":1", "\"version\":1,\"v\\u0065rsion\":1")),
        ("json_duplicate_envelope_member", body.replacen('{', "{\"kez\":\"handle_registration\",", 1)),
        ("json_duplicate_signature_member", body.replace("{\"alg\"", "{\"alg\":\"x\",\"alg\"")),
        ("json_lone_surrogate", body.replace("tudisco", "tudisc\\ud800")),
        (
            "json_nests_17_deep",
            body.replace("\"version\":1", &format!("\"version\":{}{}", "[".repeat(15), "]".repeat(15))),
        ),
        ("json_10000_deep", "[".repeat(10_000)),
    ] {
        add(files, KIND, name, text, code("malformed_json"));
    }
    for (name, text) in [
        ("root_is_array", "[]".to_owned()),
        ("root_is_string", "\"kez\"".to_owned()),
        ("root_is_null", "null".to_owned()),
        ("root_is_empty_object", "{}".to_owned()),
        ("number_with_exponent", body.replace("\"version\":1", "\"version\":1e0")),
        ("number_minus_zero", body.replace("\"version\":1", "\"version\":-0")),
        ("number_beyond_2_53", body.replace("\"version\":1", "\"version\":9007199254740992")),
        ("name_not_ascii", body.replace("\"version\":1", "\"version\":1,\"vérsion\":1")),
        ("nests_16_deep", body.replace("\"version\":1", &format!("\"version\":{}{}", "[".repeat(14), "]".repeat(14)))),
    ] {
        add(files, KIND, name, text, code("malformed_envelope"));
    }
}

fn shape(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value| add(files, KIND, name, jcs(&envelope), code("malformed_envelope"));
    for name in ["kez", "payload", "signature"] {
        bad(&format!("envelope_without_{name}"), with(untouched(), &format!("/{name}"), Value::Null));
        bad(&format!("envelope_{name}_is_number"), with(untouched(), &format!("/{name}"), json!(1)));
    }
    bad("envelope_extra_member", with(untouched(), "/note", json!("hi")));
    for name in ["alg", "key", "sig"] {
        bad(&format!("signature_without_{name}"), with(untouched(), &format!("/signature/{name}"), Value::Null));
        bad(&format!("signature_{name}_is_number"), with(untouched(), &format!("/signature/{name}"), json!(1)));
    }
    bad("signature_extra_member", with(untouched(), "/signature/created_at", json!(NOW)));
    for name in ["type", "version", "handle", "primary", "created_at"] {
        bad(&format!("payload_without_{name}"), changed(name, Value::Null));
    }
    for name in ["type", "handle", "primary", "server", "created_at"] {
        bad(&format!("payload_{name}_is_number"), changed(name, json!(1)));
    }
    bad("payload_version_is_string", changed("version", json!("1")));
    bad("payload_version_is_true", changed("version", json!(true)));
    bad("payload_version_zero", changed("version", json!(0)));
    bad("payload_unknown_type", changed("type", json!("kez.chat.handle_transfer")));
    bad("payload_type_in_other_case", changed("type", json!("Kez.chat.handle_registration")));
    bad("payload_member_in_other_case", with(changed("handle", Value::Null), "/payload/Handle", json!("tudisco")));
    let release = Kind::Release.seal(Kind::Release.payload());
    bad("tag_of_release", with(untouched(), "/kez", json!("handle_release")));
    bad("tag_of_registration_on_release", with(release.clone(), "/kez", json!("handle_registration")));

    let sig = untouched()["signature"]["sig"].as_str().expect("a signature is text").to_owned();
    bad("sig_upper_case", with(untouched(), "/signature/sig", json!(sig.to_uppercase())));
    bad("sig_126_digits", with(untouched(), "/signature/sig", json!(sig[..126])));
    bad("sig_130_digits", with(untouched(), "/signature/sig", json!(format!("{sig}00"))));
    bad("sig_not_hex", with(untouched(), "/signature/sig", json!(sig.replacen('0', "g", 1))));
    bad("sig_with_0x", with(untouched(), "/signature/sig", json!(format!("0x{}", &sig[..126]))));
    bad("sig_empty", with(untouched(), "/signature/sig", json!("")));
    add(files, KIND, "release_sent_to_register", jcs(&release), only_here("malformed_envelope"));
}

fn times(files: &mut Files) {
    for (name, time) in [
        ("time_leap_second", "2016-12-31T23:59:60Z"),
        ("time_day_that_does_not_exist", "2026-02-29T03:00:00Z"),
        ("time_february_29_of_1900", "1900-02-29T03:00:00Z"),
        ("time_april_31", "2026-04-31T03:00:00Z"),
        ("time_month_13", "2026-13-01T03:00:00Z"),
        ("time_month_0", "2026-00-01T03:00:00Z"),
        ("time_day_0", "2026-05-00T03:00:00Z"),
        ("time_hour_24", "2026-05-25T24:00:00Z"),
        ("time_minute_60", "2026-05-25T03:60:00Z"),
        ("time_fraction", "2026-05-25T03:00:00.0Z"),
        ("time_lower_case_z", "2026-05-25T03:00:00z"),
        ("time_lower_case_t", "2026-05-25t03:00:00Z"),
        ("time_space_for_t", "2026-05-25 03:00:00Z"),
        ("time_without_zone", "2026-05-25T03:00:00"),
        ("time_with_sign", "+026-05-25T03:00:00Z"),
        ("time_date_only", "2026-05-25"),
        ("time_space_after", "2026-05-25T03:00:00Z "),
        ("time_space_before", " 2026-05-25T03:00:00Z"),
        ("time_digit_not_ascii", "2026-05-25T03:00:\u{660}Z"),
    ] {
        add(files, KIND, name, jcs(&changed("created_at", json!(time))), code("malformed_envelope"));
    }
}

fn keys(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value, why| add(files, KIND, name, jcs(&envelope), code(why));
    // One key in both places.
    let both = |id: &str| with(changed("primary", json!(id)), "/signature/key", json!(id));
    for (i, key) in small_order_keys().enumerate().skip(1) {
        bad(&format!("small_order_key_{i}"), both(&key_id(&key)), "malformed_key");
    }
    let signer = Signer::of(IDENTITY);
    for (name, index) in [("order_8", 1), ("order_4", 2), ("order_2", 4)] {
        let key = signer.with_torsion(index);
        let payload = with(KIND.payload(), "/primary", json!(key_id(&key)));
        let sig = signer.sign_for_torsion_key(&key, &jcs(&payload));
        let envelope = with(KIND.seal(payload), "/signature/key", json!(key_id(&key)));
        bad(
            &format!("key_with_part_of_{name}_that_verifies"),
            with(envelope, "/signature/sig", json!(sig)),
            "malformed_key",
        );
    }
    let id = signer.id();
    bad("key_63_digits", both(&id[..id.len() - 1]), "malformed_key");
    bad("key_without_suite", both(&id["ed25519:".len()..]), "malformed_key");
    bad("key_of_unknown_suite", both(&id.replace("ed25519", "ed448")), "malformed_key");
    bad("primary_upper_case", changed("primary", json!(id.to_uppercase().replace("ED", "ed"))), "malformed_key");
    bad("primary_small_order", changed("primary", json!(key_id(&[0; 32]))), "malformed_key");
    bad("primary_of_unknown_suite", changed("primary", json!(id.replace("ed25519", "x25519"))), "malformed_key");
    let schnorr = SchnorrSigner::of(IDENTITY);
    bad("key_of_other_suite", both(&schnorr.id()), "unsupported_alg");
    let foreign = with(untouched(), "/signature/key", json!(schnorr.id()));
    bad("signature_key_of_other_suite", foreign, "unsupported_alg");
    bad("primary_of_other_suite", changed("primary", json!(schnorr.id())), "unsupported_alg");
    bad("alg_in_other_case", with(untouched(), "/signature/alg", json!("Ed25519-SHA512-JCS")), "unsupported_alg");
    bad("alg_empty", with(untouched(), "/signature/alg", json!("")), "unsupported_alg");
    bad("alg_of_other_suite", with(untouched(), "/signature/alg", json!("schnorr-sha256-jcs")), "unsupported_alg");
    let sig = schnorr.sign(&jcs(&with(KIND.payload(), "/primary", json!(schnorr.id()))));
    let signed = with(both(&schnorr.id()), "/signature/sig", json!(sig));
    let signed = jcs(&with(signed, "/signature/alg", json!("schnorr-sha256-jcs")));
    add(files, KIND, "alg_schnorr_that_verifies", signed, only_here("unsupported_alg"));
}

fn signatures(files: &mut Files) {
    let signer = Signer::of(IDENTITY);
    let message = jcs(&KIND.payload());
    let mut identity_twice = [0xff; 32];
    (identity_twice[0], identity_twice[31]) = (0xee, 0x7f);
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut minus_identity = identity;
    minus_identity[31] = 0x80;
    let good = signer.sign(&message);
    for (name, sig) in [
        ("signature_s_plus_l", signer.sign_with_large_s(&message)),
        ("signature_r_of_small_order", signer.sign_with_identity_r(&identity, &message)),
        ("signature_r_not_canonical", signer.sign_with_identity_r(&identity_twice, &message)),
        ("signature_r_minus_zero", signer.sign_with_identity_r(&minus_identity, &message)),
        ("signature_r_with_torsion", signer.sign_with_torsion_in_r(&message)),
        ("signature_r_not_a_point", format!("02{}{}", "0".repeat(62), &good[64..])),
        ("signature_halves_swapped", format!("{}{}", &good[64..], &good[..64])),
        ("signature_zero", "0".repeat(128)),
        ("signature_by_attacker", Signer::of(ATTACKER).sign(&message)),
        ("signature_over_envelope_domain_of_release", signer.sign(&jcs(&Kind::Release.payload()))),
        ("signature_over_spaced_payload", signer.sign(&message.replace(':', ": "))),
    ] {
        add(files, KIND, name, jcs(&with(untouched(), "/signature/sig", json!(sig))), code("bad_signature"));
    }
    for (name, member, value) in [
        ("payload_handle_changed_after_signing", "handle", "tudisc\u{43e}"),
        ("payload_server_changed_after_signing", "server", "KEZ.lat"),
        ("payload_time_changed_after_signing", "created_at", "2026-05-25T03:00:01Z"),
    ] {
        let body = jcs(&with(untouched(), &format!("/payload/{member}"), json!(value)));
        add(files, KIND, name, body, code("bad_signature"));
    }
}

fn context(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value, why| add(files, KIND, name, jcs(&envelope), code(why));
    for (name, server) in [
        ("server_empty", ""),
        ("server_with_dot_at_end", "kez.lat."),
        ("server_with_port_added", "kez.lat:443"),
        ("server_as_url", "https://kez.lat"),
        ("server_longer", "kez.lat.evil.example"),
        ("server_shorter", "kez.la"),
        ("server_with_kelvin_sign", "\u{212a}ez.lat"),
    ] {
        bad(name, changed("server", json!(server)), "wrong_server");
    }
    for (name, handle) in [
        ("handle_empty", ""),
        ("handle_33_characters", "a23456789012345678901234567890_23"),
        ("handle_begins_with_minus", "-udisco"),
        ("handle_begins_with_underscore", "_udisco"),
        ("handle_with_dot", "tudisco.eth"),
        ("handle_with_at", "tudisco@kez.lat"),
        ("handle_with_space_at_end", "tudisco "),
        ("handle_with_nul", "tudisco\0"),
        ("handle_with_cyrillic_o", "tudisc\u{43e}"),
        ("handle_with_kelvin_sign", "\u{212a}elvin"),
        ("handle_with_combining_mark", "tudisco\u{301}"),
        ("handle_reserved_in_other_case", "Admin"),
    ] {
        bad(name, changed("handle", json!(handle)), "invalid_handle");
    }
    for handle in ["postmaster", "kez", "root", "register", "identity", "docs", "well-known"] {
        bad(&format!("handle_reserved_{handle}"), changed("handle", json!(handle)), "reserved_handle");
    }
    bad("stale_301_ahead", changed("created_at", json!("2026-05-25T03:05:01Z")), "stale_timestamp");
    bad("stale_a_year", changed("created_at", json!("2025-05-25T03:00:00Z")), "stale_timestamp");
    bad("stale_year_0", changed("created_at", json!("0000-01-01T00:00:00Z")), "stale_timestamp");
    bad("stale_year_9999", changed("created_at", json!("9999-12-31T23:59:59Z")), "stale_timestamp");

    // The largest envelope, by a handle that fills it, and one byte more.
    let base = jcs(&changed("handle", json!(""))).len();
    bad("size_8192_canonical_bytes", changed("handle", json!("a".repeat(8192 - base))), "invalid_handle");
    bad("size_8193_canonical_bytes", changed("handle", json!("a".repeat(8193 - base))), "payload_too_large");
}
