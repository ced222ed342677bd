//! Proving a key to a NATS server: the key signs `"kez-chat/nats-connect/v1\n" + server + "\n" + nonce`.
//!
//! The broker chooses the nonce, so a bare nonce is never signed: the prefix makes the signature worthless anywhere
//! else, and the home server's name makes it worthless to another home server's broker.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use serde::Serialize;

use crate::base;
use crate::key::{KeyId, SigningKey, Suite};
use crate::nkey::Nkey;
use crate::server_name::ServerName;

/// Separates this signature from every other that a key makes.
const DOMAIN: &str = "kez-chat/nats-connect/v1";
const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters of a nonce: 11 random bytes in base64url.
const NONCE_LEN: usize = 15;

/// What a broker asks a client to sign: 15 characters of base64url, new for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

/// The text is not a nonce that a NATS server makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is 15 characters of A-Z, a-z, 0-9, - and _")]
pub struct MalformedNonce;

impl FromStr for Nonce {
    type Err = MalformedNonce;

    fn from_str(text: &str) -> Result<Self, MalformedNonce> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.len() == NONCE_LEN && text.bytes().all(allowed) {
            Ok(Nonce(text.to_owned()))
        } else {
            Err(MalformedNonce)
        }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a client sends in CONNECT to prove its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The key, as a user nkey.
    pub nkey: String,
    /// The signature, in base64url without padding.
    pub sig: String,
}

impl Login {
    /// Signs in with `key` at the broker of `server`, which sent `nonce`.
    ///
    /// # Panics
    /// Never: a signing key is an Ed25519 key, and has an nkey.
    #[must_use]
    pub fn sign(key: &SigningKey, server: &ServerName, nonce: &Nonce) -> Login {
        let nkey = Nkey::user(&key.id()).expect("signing keys are Ed25519").to_string();
        Login { nkey, sig: base::encode::<6>(BASE64URL, &key.sign(&message(server, nonce))) }
    }
}

/// The 64 bytes of a signature in base64url without padding, or in standard base64 with or without it (RFC 4648
/// sections 4 and 5); none for any other text.
#[must_use]
pub fn decode_signature(text: &str) -> Option<[u8; 64]> {
    let encodings = [BASE64URL_NOPAD, BASE64_NOPAD, BASE64];
    // Longer than any of them: not worth an allocation.
    if text.len() > 88 {
        return None;
    }
    encodings.iter().find_map(|encoding| encoding.decode(text.as_bytes()).ok())?.try_into().ok()
}

/// Whether `sig` proves `key` to the broker of `server` for `nonce`. That the key is one of prime order is for whoever
/// registered it to see to.
#[must_use]
pub fn verify(key: &KeyId, server: &ServerName, nonce: &Nonce, sig: &[u8; 64]) -> bool {
    verify_bytes(key, &message(server, nonce), sig)
}

/// Whether `sig` is over the bare nonce, as stock NATS clients sign it. A broker chooses the nonce, so this says less.
#[must_use]
pub fn verify_stock(key: &KeyId, nonce: &Nonce, sig: &[u8; 64]) -> bool {
    verify_bytes(key, nonce.0.as_bytes(), sig)
}

fn verify_bytes(key: &KeyId, message: &[u8], sig: &[u8; 64]) -> bool {
    let key = (key.suite() == Suite::Ed25519).then(|| ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()));
    key.is_some_and(|key| {
        key.is_ok_and(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(sig)).is_ok())
    })
}

fn message(server: &ServerName, nonce: &Nonce) -> Vec<u8> {
    format!("{DOMAIN}\n{server}\n{nonce}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> (SigningKey, ServerName, Nonce) {
        let server = "KEZ.lat".parse().expect("a name");
        (SigningKey::from_seed(&[1; 32]), server, "aM28yb1GkNEYbdQ".parse().expect("a nonce"))
    }

    #[test]
    fn a_login_verifies_for_its_key_server_and_nonce_alone() {
        let (key, server, nonce) = parts();
        let login = Login::sign(&key, &server, &nonce);
        let sig = decode_signature(&login.sig).expect("64 bytes");
        assert!(verify(&key.id(), &server, &nonce, &sig));
        assert!(verify(&key.id(), &"kez.lat".parse().expect("a name"), &nonce, &sig), "names have one spelling");
        assert!(!verify(&SigningKey::from_seed(&[2; 32]).id(), &server, &nonce, &sig), "another key");
        assert!(!verify(&key.id(), &"kez.la".parse().expect("a name"), &nonce, &sig), "another server");
        assert!(!verify(&key.id(), &server, &"aM28yb1GkNEYbdR".parse().expect("a nonce"), &sig), "another nonce");
        assert!(!verify_stock(&key.id(), &nonce, &sig), "not the bare nonce");
        assert!(!verify(&KeyId::ed25519([0; 32]), &server, &nonce, &[0; 64]), "a point of small order");
    }

    #[test]
    fn what_is_signed_is_exactly_this() {
        let (_, server, nonce) = parts();
        assert_eq!(message(&server, &nonce), b"kez-chat/nats-connect/v1\nkez.lat\naM28yb1GkNEYbdQ");
    }

    #[test]
    fn the_broker_family_of_encodings_is_read_and_no_other() {
        // Bytes whose text has both characters in which the alphabets differ.
        let sig = [0xfb_u8, 0xff].repeat(32);
        let (url, standard) = (BASE64URL_NOPAD.encode(&sig), BASE64.encode(&sig));
        assert!(url.contains('-') && url.contains('_') && standard.contains('+') && standard.contains('/'));
        for good in [url.clone(), standard.clone(), standard.trim_end_matches('=').to_owned()] {
            assert_eq!(decode_signature(&good).map(Vec::from), Some(sig.clone()), "{good}");
        }
        let hex = const_hex::encode(&sig);
        let mixed = url.replacen('-', "+", 1);
        let long = BASE64URL_NOPAD.encode(&[0xfb; 65]);
        let short = BASE64URL_NOPAD.encode(&[0xfb; 63]);
        for bad in
            ["", &url[1..], &format!("{url}="), &format!("{url}\n"), &format!(" {url}"), &hex, &mixed, &long, &short]
        {
            assert_eq!(decode_signature(bad), None, "{bad}");
        }
        // A last character with bits to spare would be a second spelling.
        let spare = format!("{}x", &url[..85]);
        assert_eq!(decode_signature(&spare), None, "{spare}");
    }

    /// Checked against a broker and its own libraries.
    #[test]
    fn the_stock_signature_of_a_known_key() {
        let seed: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).expect("below 32"));
        let key = SigningKey::from_seed(&seed);
        let nkey = Nkey::user(&key.id()).expect("an Ed25519 key");
        assert_eq!(nkey.to_string(), "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK");
        let nonce: Nonce = "abcdefghijklmno".parse().expect("a nonce");
        let sig = "BFqgAdhpmdT7AcI_hxTszAUiqdm5bBqbwMALxRCGOBYMSx9jTHq7RISqFue3wTE53jdrCFSiYMMcaXDUnZp1Bg";
        let sig = decode_signature(sig).expect("a signature");
        assert!(verify_stock(&key.id(), &nonce, &sig));
        assert!(!verify(&key.id(), &"kez.lat".parse().expect("a name"), &nonce, &sig));
    }

    #[test]
    fn nonces() {
        for bad in ["", "aM28yb1GkNEYbd", "aM28yb1GkNEYbdQQ", "aM28yb1GkNEYbd+", "aM28yb1GkNEYbd\n", "aM28yb1GkNEYbé"]
        {
            assert_eq!(bad.parse::<Nonce>(), Err(MalformedNonce), "{bad:?}");
        }
    }
}
