//! NATS JWTs: `base64url(header).base64url(claims).base64url(signature)`, Ed25519 over the first two parts as text.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};
use kez_core::nkey::{Nkey, NkeyKind};
use serde::{Deserialize, Serialize};

use super::broker_keys::BrokerKeys;
use crate::config::nats::Seed;

/// The only header there is, as the broker writes it.
const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
}

/// A JWT taken apart, its signature not looked at.
pub(super) struct Parts<'a> {
    signed: &'a str,
    /// The claims' JSON.
    pub(super) claims: Vec<u8>,
    signature: [u8; 64],
}

impl<'a> Parts<'a> {
    /// Takes a JWT apart; none if it is no JWT or of another algorithm.
    pub(super) fn split(jwt: &'a str) -> Option<Self> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.alg != "ed25519-nkey" || !header.typ.eq_ignore_ascii_case("JWT") {
            return None;
        }
        Some(Parts { signed, claims: decode(claims)?, signature: decode(signature)?.try_into().ok()? })
    }

    /// Whether the broker with this key signed it.
    pub(super) fn is_signed_by(&self, brokers: &BrokerKeys, key: &[u8; 32]) -> bool {
        brokers.verify(key, self.signed.as_bytes(), &self.signature)
    }
}

/// The account key that vouches for users. Whoever holds it is root of the broker.
pub struct Issuer {
    key: SigningKey,
    public: String,
    header: String,
}

impl Issuer {
    /// The issuer of a seed.
    ///
    /// # Panics
    /// Never: the seed was read by the same library when the configuration was.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        let (_, raw) = nkeys::decode_seed(seed.text()).expect("the configuration holds only seeds that decode");
        let key = SigningKey::from_bytes(&zeroize::Zeroizing::new(raw));
        let public = Nkey::new(NkeyKind::Account, key.verifying_key().to_bytes()).to_string();
        Issuer { key, public, header: BASE64URL_NOPAD.encode(HEADER.as_bytes()) }
    }

    /// The public half, `A…`.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// A JWT of these claims.
    pub(super) fn sign<T: Serialize>(&self, claims: &T) -> String {
        let claims = serde_json::to_vec(claims).expect("claims have string names and no failing parts");
        // Two dots, and the 86 characters of a signature.
        let size = self.header.len() + BASE64URL_NOPAD.encode_len(claims.len()) + 88;
        let mut jwt = String::with_capacity(size);
        jwt.push_str(&self.header);
        jwt.push('.');
        BASE64URL_NOPAD.encode_append(&claims, &mut jwt);
        let signature = self.key.sign(jwt.as_bytes()).to_bytes();
        jwt.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut jwt);
        jwt
    }
}
