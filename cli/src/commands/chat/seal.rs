//! Sealing records: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a key of its own, and the record's name as
//! additional data. The key is SHA-256 of `kez-cli/chat/v1` + line feed + the seed, so that whoever can open the key file,
//! and nobody else, can read what was said.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use kez_core::SigningKey;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::failure::{Failure, Local};
use crate::system;

const NONCE_BYTES: usize = 24;

/// Closes and opens values.
pub(super) struct Seal(XChaCha20Poly1305);

impl Seal {
    /// The seal of the device with this key.
    pub(super) fn of(key: &SigningKey) -> Seal {
        let mut text = Zeroizing::new(Vec::with_capacity(48));
        text.extend_from_slice(b"kez-cli/chat/v1\n");
        text.extend_from_slice(&*key.seed());
        let key = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(&*text)));
        Seal(XChaCha20Poly1305::new((&*key).into()))
    }

    /// The nonce and the ciphertext.
    pub(super) fn seal(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, Failure> {
        let nonce = system::random::<NONCE_BYTES>()?;
        let sealed = self.0.encrypt(&XNonce::from(nonce), Payload { msg: value, aad: name.as_bytes() });
        let sealed = sealed.map_err(|_| Failure::new(Local::Io, "A record is larger than can be sealed."))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// None for what this seal did not close under this name.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let opened = self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: name.as_bytes() });
        opened.ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_under_its_name_and_with_its_key() {
        let seal = Seal::of(&SigningKey::from_seed(&[1; 32]));
        let sealed = seal.seal("a", b"text").expect("there are random numbers");
        assert_eq!(seal.open("a", &sealed).as_deref().map(Vec::as_slice), Some(&b"text"[..]));
        assert!(!sealed.windows(4).any(|some| some == b"text"));
        assert_eq!(seal.open("b", &sealed), None);
        assert_eq!(Seal::of(&SigningKey::from_seed(&[2; 32])).open("a", &sealed), None);
        assert_eq!(seal.open("a", &sealed[..20]), None);
        let mut changed = sealed;
        changed[30] ^= 1;
        assert_eq!(seal.open("a", &changed), None);
    }
}
