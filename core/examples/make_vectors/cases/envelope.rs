//! Any envelope: both algorithms, known and unknown types, sizes.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::signed::{Kind, with};
use super::{Expect, Files, code, put, verdict};
use crate::forge::{SchnorrSigner, Signer, jcs, sha256_id};

#[derive(Serialize)]
struct Case {
    body: String,
    expect: Expect,
}

fn add(files: &mut Files, name: &str, body: String, expect: Expect) {
    let folder = format!("envelope/{}", verdict(&expect));
    put(files, &folder, name, &Case { body, expect });
}

fn verified(envelope: &Value) -> Expect {
    Expect::from([
        ("type", envelope["payload"]["type"].clone()),
        ("key", envelope["signature"]["key"].clone()),
        ("envelope_id", sha256_id(&jcs(envelope)).into()),
    ])
}

/// A type that nobody defined.
fn greeting() -> Value {
    json!({ "type": "example.greeting", "version": 7, "to": [null, true, false, -1, "é\u{1f600}\u{fdd0}", {}] })
}

fn seal(payload: Value, alg: &str, key: &str, sig: &str) -> Value {
    json!({ "kez": "greeting", "payload": payload, "signature": { "alg": alg, "key": key, "sig": sig } })
}

fn seal_ed25519(payload: Value) -> Value {
    Signer::of(1).seal("greeting", &payload)
}

fn seal_schnorr(payload: Value) -> Value {
    let (signer, message) = (SchnorrSigner::of(1), jcs(&payload));
    seal(payload, "schnorr-sha256-jcs", &signer.id(), &signer.sign(&message))
}

pub(crate) fn add_all(files: &mut Files) {
    for (name, envelope) in [
        ("registration", Kind::Registration.seal(Kind::Registration.payload())),
        ("release", Kind::Release.seal(Kind::Release.payload())),
        ("unknown_type_ed25519", seal_ed25519(greeting())),
        ("unknown_type_schnorr", seal_schnorr(greeting())),
    ] {
        add(files, name, jcs(&envelope), verified(&envelope));
    }
    let shown = seal_schnorr(greeting());
    let spaced = serde_json::to_string_pretty(&shown).expect("a value has a text");
    add(files, "unknown_type_spaced", spaced.replace('\u{1f600}', "\\ud83d\\uDE00"), verified(&shown));
    sizes(files);
    shapes(files);
    algorithms(files);
    signatures(files);
}

fn sizes(files: &mut Files) {
    let of_size = |size: usize| {
        let with_filler = |n| seal_ed25519(with(greeting(), "/filler", json!("x".repeat(n))));
        with_filler(size - jcs(&with_filler(0)).len())
    };
    let largest = of_size(8192);
    add(files, "size_8192", jcs(&largest), verified(&largest));
    add(files, "size_8192_with_white_space", format!("{}\n", jcs(&largest)), verified(&largest));
    add(files, "size_8193", jcs(&of_size(8193)), code("payload_too_large"));
    // Each of these characters is six bytes in the canonical form.
    let escapes = seal_ed25519(with(greeting(), "/filler", json!("\u{1}".repeat(1400))));
    add(files, "size_by_escapes", jcs(&escapes), code("payload_too_large"));
}

fn shapes(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value| add(files, name, jcs(&envelope), code("malformed_envelope"));
    let base = || seal_ed25519(greeting());
    bad("unknown_type_without_type", seal_ed25519(with(greeting(), "/type", Value::Null)));
    bad("unknown_type_without_version", seal_ed25519(with(greeting(), "/version", Value::Null)));
    bad("unknown_type_version_is_string", seal_ed25519(with(greeting(), "/version", json!("7"))));
    bad("unknown_type_type_is_list", seal_ed25519(with(greeting(), "/type", json!(["example.greeting"]))));
    bad("unknown_type_extra_envelope_member", with(base(), "/note", json!(1)));
    bad("signature_extra_member", with(base(), "/signature/x", json!(1)));
    bad("signature_is_list", with(base(), "/signature", json!([])));
    bad("sig_upper_case", {
        let sig = base()["signature"]["sig"].as_str().unwrap_or_default().to_uppercase();
        with(base(), "/signature/sig", json!(sig))
    });
    bad("sig_127_digits", with(base(), "/signature/sig", json!("0".repeat(127))));
    bad("tag_of_registration_on_unknown_type", with(base(), "/kez", json!("handle_registration")));
    bad("tag_of_release_on_unknown_type", with(base(), "/kez", json!("handle_release")));
    let registration = || Kind::Registration.seal(Kind::Registration.payload());
    bad("unknown_tag_on_registration", with(registration(), "/kez", json!("greeting")));
    bad("tag_in_other_case_on_registration", with(registration(), "/kez", json!("Handle_Registration")));
    bad("registration_extra_member", Kind::Registration.seal(with(Kind::Registration.payload(), "/x", json!(1))));
    add(files, "number_in_unknown_type", jcs(&base()).replace(":7", ":7.5"), code("malformed_envelope"));
    add(files, "not_json", "nonsense".to_owned(), code("malformed_json"));
    add(
        files,
        "duplicate_member_in_list_in_unknown_type",
        jcs(&base()).replace("{}", "{\"a\":1,\"a\":1}"),
        code("malformed_json"),
    );
}

fn algorithms(files: &mut Files) {
    let mut bad = |name: &str, envelope: Value, why| add(files, name, jcs(&envelope), code(why));
    let (ed, schnorr) = (Signer::of(1), SchnorrSigner::of(1));
    let (base_ed, base_schnorr) = (|| seal_ed25519(greeting()), || seal_schnorr(greeting()));
    for (name, alg) in [("unknown", "rsa"), ("none", "none"), ("empty", ""), ("upper_case", "SCHNORR-SHA256-JCS")] {
        bad(&format!("alg_{name}"), with(base_schnorr(), "/signature/alg", json!(alg)), "unsupported_alg");
    }
    bad(
        "alg_ed25519_key_secp256k1",
        with(base_schnorr(), "/signature/alg", json!("ed25519-sha512-jcs")),
        "unsupported_alg",
    );
    bad("alg_schnorr_key_ed25519", with(base_ed(), "/signature/alg", json!("schnorr-sha256-jcs")), "unsupported_alg");
    // The same 32 bytes are no key under the other suite's name.
    let renamed = ed.id().replace("ed25519", "secp256k1");
    bad("key_under_other_suite", with(base_ed(), "/signature/key", json!(renamed)), "unsupported_alg");
    bad("key_unknown_suite", with(base_ed(), "/signature/key", json!(ed.id().replace("ed", "x"))), "malformed_key");
    bad(
        "key_secp256k1_not_on_curve",
        with(base_schnorr(), "/signature/key", json!(format!("secp256k1:{}05", "0".repeat(62)))),
        "malformed_key",
    );
    bad(
        "key_secp256k1_upper_case",
        {
            let key = schnorr.id().to_uppercase().replace("SECP256K1", "secp256k1");
            with(base_schnorr(), "/signature/key", json!(key))
        },
        "malformed_key",
    );
    bad(
        "key_ed25519_small_order",
        with(base_ed(), "/signature/key", json!(format!("ed25519:{}", "0".repeat(64)))),
        "malformed_key",
    );
    let key = ed.with_torsion(1);
    let sig = ed.sign_for_torsion_key(&key, &jcs(&greeting()));
    let torsion = seal(greeting(), "ed25519-sha512-jcs", &crate::forge::key_id(&key), &sig);
    bad("key_ed25519_with_torsion_that_verifies", torsion, "malformed_key");
    // Of a known type, the payload says who signs, also where registration would not take the suite.
    let by_schnorr = |primary: &str| {
        let payload = with(Kind::Registration.payload(), "/primary", json!(primary));
        with(seal_schnorr(payload), "/kez", json!("handle_registration"))
    };
    bad("registration_primary_of_other_suite", by_schnorr(&ed.id()), "unsupported_alg");
    bad("registration_primary_is_another", by_schnorr(&SchnorrSigner::of(2).id()), "key_mismatch");
    let own = by_schnorr(&schnorr.id());
    add(files, "registration_by_schnorr", jcs(&own), verified(&own));
}

fn signatures(files: &mut Files) {
    let message = jcs(&greeting());
    let schnorr = SchnorrSigner::of(1);
    let good = schnorr.sign(&message);
    let twice = Sha256::digest(Sha256::digest(&message));
    for (name, sig) in [
        ("schnorr_over_bare_payload", schnorr.sign_digest(message.as_bytes())),
        ("schnorr_hashed_twice", schnorr.sign_digest(&twice)),
        ("schnorr_of_other_payload", schnorr.sign("{}")),
        ("schnorr_by_other_key", SchnorrSigner::of(2).sign(&message)),
        ("schnorr_zero", "0".repeat(128)),
        ("schnorr_s_is_the_order", format!("{}{N}", &good[..64])),
        ("schnorr_r_is_the_field_prime", format!("{P}{}", &good[64..])),
    ] {
        add(files, name, jcs(&with(seal_schnorr(greeting()), "/signature/sig", json!(sig))), code("bad_signature"));
    }
    let signer = Signer::of(1);
    let mut identity = [0; 32];
    identity[0] = 1;
    for (name, sig) in [
        ("ed25519_s_plus_l", signer.sign_with_large_s(&message)),
        ("ed25519_r_of_small_order", signer.sign_with_identity_r(&identity, &message)),
        ("ed25519_r_with_torsion", signer.sign_with_torsion_in_r(&message)),
        ("ed25519_over_hash_of_payload", signer.sign(&sha256_id(&message)["sha256:".len()..])),
    ] {
        add(files, name, jcs(&with(seal_ed25519(greeting()), "/signature/sig", json!(sig))), code("bad_signature"));
    }
    let changed = |envelope| jcs(&with(envelope, "/payload/version", json!(8)));
    add(files, "schnorr_payload_changed", changed(seal_schnorr(greeting())), code("bad_signature"));
    add(files, "ed25519_payload_changed", changed(seal_ed25519(greeting())), code("bad_signature"));
}

/// secp256k1's order and field prime (SEC 2 section 2.4.1).
const N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const P: &str = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
