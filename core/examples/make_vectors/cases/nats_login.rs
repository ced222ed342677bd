//! Logins at a broker: one fault each.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use serde::Serialize;

use super::nkey::{USER, text};
use super::signed::{ATTACKER, IDENTITY};
use super::{Expect, Files, code, put, verdict};
use crate::forge::{Signer, small_order_keys};

const SERVER: &str = "kez.lat";
const NONCE: &str = "aM28yb1GkNEYbdQ";

/// A login at the broker of `server`, after the broker sent `nonce`.
#[derive(Serialize)]
struct Case {
    nkey: String,
    server: String,
    nonce: String,
    sig: String,
    expect: Expect,
}

fn nkey_of(byte: u8) -> String {
    text(USER, &Signer::of(byte).public)
}

fn message(server: &str, nonce: &str) -> String {
    format!("kez-chat/nats-connect/v1\n{server}\n{nonce}")
}

fn base64url(sig_hex: &str) -> String {
    BASE64URL_NOPAD.encode(&bytes(sig_hex))
}

fn bytes(sig_hex: &str) -> Vec<u8> {
    const_hex::decode(sig_hex).expect("a signature is hex")
}

/// The identity's signature over `message`, as it is sent.
fn signed(message: &str) -> String {
    base64url(&Signer::of(IDENTITY).sign(message))
}

fn case(server: &str, nonce: &str, sig: String, expect: Expect) -> Case {
    Case { nkey: nkey_of(IDENTITY), server: server.to_owned(), nonce: nonce.to_owned(), sig, expect }
}

/// What is signed, and by which seed.
fn accepted(server: &str, nonce: &str) -> Expect {
    let seed = const_hex::encode(Signer::of(IDENTITY).seed);
    Expect::from([("message", message(server, nonce).into()), ("seed_hex", seed.into())])
}

fn add(files: &mut Files, name: &str, case: &Case) {
    let folder = format!("nats_login/{}", verdict(&case.expect));
    put(files, &folder, name, case);
}

pub(crate) fn add_all(files: &mut Files) {
    for (name, server, nonce) in [
        ("login", SERVER, NONCE),
        ("server_with_port", "localhost:6969", NONCE),
        ("nonce_begins_with_minus", SERVER, "-M28yb1GkNEYbdQ"),
        ("nonce_of_minus_and_underscore", SERVER, "_-_-_-_-_-_-_-_"),
    ] {
        add(files, name, &case(server, nonce, signed(&message(server, nonce)), accepted(server, nonce)));
    }
    let mixed_case = case("KEZ.Lat", NONCE, signed(&message(SERVER, NONCE)), accepted(SERVER, NONCE));
    add(files, "server_in_other_case", &mixed_case);
    encodings(files);
    messages(files);
    signatures(files);
    names(files);
}

fn encodings(files: &mut Files) {
    // A nonce for which the two alphabets of base64 differ.
    let signer = Signer::of(IDENTITY);
    let (nonce, sig) = (0..)
        .map(|n| format!("{n:0>15}"))
        .map(|nonce| (nonce.clone(), bytes(&signer.sign(&message(SERVER, &nonce)))))
        .find(|(_, sig)| ["-", "_"].iter().all(|c| BASE64URL_NOPAD.encode(sig).contains(c)))
        .expect("there are many nonces");
    let (url, standard) = (BASE64URL_NOPAD.encode(&sig), BASE64_NOPAD.encode(&sig));
    for (name, text) in
        [("sig_standard_base64", BASE64.encode(&sig)), ("sig_standard_base64_no_padding", standard.clone())]
    {
        // The seed makes the preferred spelling, which this is not.
        let expect = Expect::from([("message", message(SERVER, &nonce).into())]);
        add(files, name, &case(SERVER, &nonce, text, expect));
    }
    for (name, text) in [
        ("sig_empty", String::new()),
        ("sig_hex", const_hex::encode(&sig)),
        ("sig_url_padded", BASE64URL.encode(&sig)),
        ("sig_mixed_alphabets", url.replacen('-', "+", 1)),
        ("sig_one_padding_character", format!("{standard}=")),
        ("sig_63_bytes", BASE64URL_NOPAD.encode(&sig[..63])),
        ("sig_65_bytes", BASE64URL_NOPAD.encode(&[&sig[..], &[0]].concat())),
        ("sig_space_before", format!(" {url}")),
        ("sig_newline_after", format!("{url}\n")),
        ("sig_bits_to_spare", format!("{}{}", &url[..85], other_spelling(&url[85..]))),
        ("sig_not_ascii", format!("{}\u{e9}", &url[..84])),
    ] {
        add(files, name, &case(SERVER, &nonce, text, code("malformed_signature")));
    }
}

/// The last character with its unused low bits set: the same bytes to a reader that ignores them.
fn other_spelling(last: &str) -> char {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).expect("it is of the alphabet");
    char::from(alphabet.as_bytes()[at | 1])
}

/// What else could be signed.
fn messages(files: &mut Files) {
    let bad = |name: &str, text: &str, files: &mut Files| {
        add(files, name, &case(SERVER, NONCE, signed(text), code("bad_signature")));
    };
    bad("for_other_server", &message("kez.la", NONCE), files);
    bad("for_server_with_port", &message("kez.lat:443", NONCE), files);
    bad("for_server_in_other_case", &message("KEZ.lat", NONCE), files);
    bad("for_no_server", &message("", NONCE), files);
    bad("for_other_nonce", &message(SERVER, "aM28yb1GkNEYbdR"), files);
    bad("for_server_and_nonce_swapped", &message(NONCE, SERVER), files);
    bad("with_line_feed_at_end", &format!("{}\n", message(SERVER, NONCE)), files);
    bad("with_carriage_returns", &message(SERVER, NONCE).replace('\n', "\r\n"), files);
    bad("of_version_2", &message(SERVER, NONCE).replace("/v1", "/v2"), files);
    bad("without_domain", &format!("{SERVER}\n{NONCE}"), files);
    bad("empty_message", "", files);
    let expect = Expect::from([("code", "bad_signature".into()), ("stock", "valid".into())]);
    add(files, "bare_nonce", &case(SERVER, NONCE, signed(NONCE), expect));
}

fn signatures(files: &mut Files) {
    let (signer, message) = (Signer::of(IDENTITY), message(SERVER, NONCE));
    let mut identity = [0; 32];
    identity[0] = 1;
    for (name, sig) in [
        ("signature_s_plus_l", signer.sign_with_large_s(&message)),
        ("signature_r_of_small_order", signer.sign_with_identity_r(&identity, &message)),
        ("signature_r_with_torsion", signer.sign_with_torsion_in_r(&message)),
        ("signature_zero", "0".repeat(128)),
        ("signature_by_attacker", Signer::of(ATTACKER).sign(&message)),
    ] {
        add(files, name, &case(SERVER, NONCE, base64url(&sig), code("bad_signature")));
    }
    // R the identity and S = 0: such a key verifies this for every message, unless keys of small order are refused.
    let anything = base64url(&const_hex::encode([identity, [0; 32]].concat()));
    for (i, key) in small_order_keys().enumerate() {
        let nkey = text(USER, &key);
        let case = Case { nkey, ..case(SERVER, NONCE, anything.clone(), code("bad_signature")) };
        add(files, &format!("small_order_key_{i}"), &case);
    }
    let other = Case { nkey: nkey_of(ATTACKER), ..case(SERVER, NONCE, signed(&message), code("bad_signature")) };
    add(files, "nkey_of_other_key", &other);
}

fn names(files: &mut Files) {
    let sig = || signed(&message(SERVER, NONCE));
    for (name, nkey) in [
        ("nkey_of_an_account", text(0, &Signer::of(IDENTITY).public)),
        ("nkey_lower_case", nkey_of(IDENTITY).to_lowercase()),
        ("nkey_is_a_key_id", Signer::of(IDENTITY).id()),
        ("nkey_empty", String::new()),
    ] {
        add(files, name, &Case { nkey, ..case(SERVER, NONCE, sig(), code("malformed_nkey")) });
    }
    for (name, nonce) in [
        ("nonce_empty", ""),
        ("nonce_14_characters", "aM28yb1GkNEYbd"),
        ("nonce_16_characters", "aM28yb1GkNEYbdQQ"),
        ("nonce_with_plus", "aM28yb1GkNEYbd+"),
        ("nonce_with_line_feed", "aM28yb1GkNEYbd\n"),
        ("nonce_with_space", "aM28yb1 kNEYbdQ"),
        ("nonce_not_ascii", "aM28yb1GkNEYb\u{e9}"),
        ("nonce_is_a_message", "kez-chat/nats-connect/v1\nkez.lat\naM28yb1GkNEYbdQ"),
    ] {
        add(files, name, &case(SERVER, nonce, signed(&message(SERVER, nonce)), code("malformed_nonce")));
    }
}
