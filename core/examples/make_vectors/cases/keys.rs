//! Key ids: which name a usable key.

use serde::Serialize;

use super::{Expect, Files, code, put, verdict};
use crate::forge::{SchnorrSigner, Signer, key_id, small_order_keys};

#[derive(Serialize)]
struct Case {
    key: String,
    expect: Expect,
}

pub(crate) fn add_all(files: &mut Files) {
    let mut add = |name: &str, key: String, expect: Expect| {
        let folder = format!("keys/{}", verdict(&expect));
        put(files, &folder, name, &Case { key, expect });
    };
    let (ed, schnorr) = (Signer::of(1).id(), SchnorrSigner::of(1).id());
    add("ed25519", ed.clone(), Expect::from([("suite", "ed25519".into())]));
    add("secp256k1", schnorr.clone(), Expect::from([("suite", "secp256k1".into())]));

    let hex = &ed["ed25519:".len()..];
    for (name, key) in [
        ("empty", String::new()),
        ("hex_only", hex.to_owned()),
        ("no_hex", "ed25519:".to_owned()),
        ("63_digits", ed[..ed.len() - 1].to_owned()),
        ("65_digits", format!("{ed}0")),
        ("62_digits", ed[..ed.len() - 2].to_owned()),
        ("66_digits", format!("{ed}00")),
        ("upper_case_hex", format!("ed25519:{}", hex.to_uppercase())),
        ("upper_case_suite", format!("Ed25519:{hex}")),
        ("unknown_suite", format!("x25519:{hex}")),
        ("empty_suite", format!(":{hex}")),
        ("two_colons", format!("ed25519::{hex}")),
        ("0x_prefix", format!("ed25519:0x{}", &hex[2..])),
        ("not_hex", format!("ed25519:g{}", &hex[1..])),
        ("space_before", format!(" {ed}")),
        ("newline_after", format!("{ed}\n")),
        ("digits_not_ascii", format!("ed25519:{}\u{661}", &hex[2..])),
        ("secp256k1_upper_case", schnorr.to_uppercase().replace("SECP256K1", "secp256k1")),
        ("secp256k1_compressed", schnorr.replace(':', ":02")),
        // 5³ + 7 = 132 is no square modulo p.
        ("secp256k1_x_not_on_curve", format!("secp256k1:{}05", "0".repeat(62))),
        ("secp256k1_x_zero", format!("secp256k1:{}", "0".repeat(64))),
        // p, and p + 1 that a reader who reduces takes for x = 1, which is on the curve.
        ("secp256k1_x_equals_p", format!("secp256k1:{}fffffffefffffc2f", "f".repeat(48))),
        ("secp256k1_x_above_p", format!("secp256k1:{}fffffffefffffc30", "f".repeat(48))),
        // y = 2: x² has no root.
        ("ed25519_y_not_on_curve", format!("ed25519:02{}", "0".repeat(62))),
    ] {
        add(name, key, code("malformed_key"));
    }
    for (i, key) in small_order_keys().enumerate() {
        add(&format!("ed25519_small_order_{i}"), key_id(&key), code("malformed_key"));
    }
    // Second spellings: y from p to 2²⁵⁵ − 1 with either sign bit, and x = 0 with the sign bit set.
    for low in 0xed..=0xff_u8 {
        for top in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, top);
            let name = format!("ed25519_y_is_p_plus_{}_sign_{}", low - 0xed, u8::from(top == 0xff));
            add(&name, key_id(&key), code("malformed_key"));
        }
    }
    let mut minus_zero = [0; 32];
    (minus_zero[0], minus_zero[31]) = (1, 0x80);
    add("ed25519_x_minus_zero", key_id(&minus_zero), code("malformed_key"));
    let mut y_minus_one = [0xff; 32];
    y_minus_one[0] = 0xec;
    add("ed25519_x_minus_zero_y_minus_one", key_id(&y_minus_one), code("malformed_key"));
    let signer = Signer::of(1);
    for i in 1..8 {
        add(&format!("ed25519_with_torsion_{i}"), key_id(&signer.with_torsion(i)), code("malformed_key"));
    }
}
