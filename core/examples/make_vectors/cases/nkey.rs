//! NKEY text: which text is a key, and which key it is.

use data_encoding::BASE32_NOPAD;
use serde::Serialize;

use super::{Expect, Files, code, put, verdict};
use crate::forge::Signer;

#[derive(Serialize)]
struct Case {
    nkey: String,
    expect: Expect,
}

pub(crate) const USER: u8 = 0xa0;
const ACCOUNT: u8 = 0;
const SERVER: u8 = 0x68;
const CURVE: u8 = 0xb8;
const OPERATOR: u8 = 0x70;

/// The text of a public key, by the format's own description.
pub(crate) fn text(prefix: u8, key: &[u8]) -> String {
    let body = [&[prefix], key].concat();
    let sum = crc(&body).to_le_bytes();
    BASE32_NOPAD.encode(&[body, sum.to_vec()].concat())
}

/// CRC-16/XMODEM, one bit at a time: the remainder of `bytes` and 16 zero bits by x¹⁶ + x¹² + x⁵ + 1.
fn crc(bytes: &[u8]) -> u16 {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).chain([0; 16]);
    let remainder = bits.fold(0_u32, |rest, bit| {
        let next = rest << 1 | u32::from(bit);
        if next & 0x1_0000 == 0 { next } else { next ^ 0x1_1021 }
    });
    u16::try_from(remainder).expect("a remainder has 16 bits")
}

pub(crate) fn add_all(files: &mut Files) {
    let mut add = |name: &str, nkey: String, expect: Expect| {
        let folder = format!("nkey/{}", verdict(&expect));
        put(files, &folder, name, &Case { nkey, expect });
    };
    let counting: Vec<u8> = (0..32).collect();
    let key = Signer::of(1).public;
    for (name, kind, prefix, key) in [
        ("user", "user", USER, key),
        ("account", "account", ACCOUNT, key),
        ("server", "server", SERVER, key),
        ("curve", "curve", CURVE, key),
        ("user_all_zero", "user", USER, [0; 32]),
        ("user_all_one", "user", USER, [0xff; 32]),
        ("user_counting", "user", USER, counting.clone().try_into().expect("32 bytes")),
    ] {
        let expect = Expect::from([("kind", kind.into()), ("key_hex", const_hex::encode(key).into())]);
        add(name, text(prefix, &key), expect);
    }
    let good = text(USER, &key);
    let swapped = {
        let raw = BASE32_NOPAD.decode(good.as_bytes()).expect("it is base32");
        BASE32_NOPAD.encode(&[&raw[..33], &[raw[34], raw[33]]].concat())
    };
    for (name, nkey) in [
        ("empty", String::new()),
        ("lower_case", good.to_lowercase()),
        ("55_characters", good[..55].to_owned()),
        ("57_characters", format!("{good}A")),
        ("padded", format!("{good}======")),
        ("space_before", format!(" {good}")),
        ("newline_after", format!("{good}\n")),
        ("first_letter_changed", good.replacen('U', "A", 1)),
        ("last_letter_changed", format!("{}{}", &good[..55], if good.ends_with('A') { "B" } else { "A" })),
        ("checksum_big_endian", swapped),
        ("digit_of_other_alphabet", good.replacen(|c: char| c.is_ascii_digit(), "1", 1)),
        ("letter_not_ascii", format!("{}\u{410}", &good[..54])),
        ("operator", text(OPERATOR, &key)),
        ("prefix_of_nothing", text(0x08, &key)),
        ("prefix_with_low_bits", text(USER | 1, &key)),
        ("31_bytes", text(USER, &key[..31])),
        ("33_bytes", text(USER, &[&key[..], &[0]].concat())),
        ("hex", const_hex::encode(key)),
        ("key_id", Signer::of(1).id()),
        // The seed's text of NATS's own example.
        ("seed", "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y".to_owned()),
    ] {
        add(name, nkey, code("malformed_nkey"));
    }
}
