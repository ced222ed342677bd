//! Sealing a seed: key = Argon2id(passphrase, salt), ciphertext = XChaCha20-Poly1305(key, nonce, seed, associated data),
//! associated data = `kez-cli/key-file/v1` + line feed + key id. RFC 9106; draft-irtf-cfrg-xchacha-03.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use kez_core::{KeyId, SigningKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::failure::{Failure, Local};
use crate::passphrase::Passphrase;
use crate::system;

/// What guessing one passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// RFC 9106 section 4, second recommended option, with one lane because they are worked on in turn here. More
    /// than OWASP's minimum of 19 MiB and 2 passes.
    pub(crate) const DEFAULT: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most that a file is believed to need: 512 MiB and well under a minute. Beyond that somebody wants to
    /// exhaust this machine.
    const MOST: Cost = Cost { memory_kib: 512 * 1024, passes: 16, lanes: 8 };
    /// The least that Argon2 knows.
    #[cfg(test)]
    pub(crate) const LEAST: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
}

/// A sealed seed. Only names that are known are read: another function or cipher is another version.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sealed {
    kdf: Kdf,
    #[serde(flatten)]
    cost: Cost,
    salt: String,
    cipher: Cipher,
    nonce: String,
    ciphertext: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kdf {
    Argon2id,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Cipher {
    XChaCha20Poly1305,
}

impl Sealed {
    /// Seals the seed of `key` with a fresh salt and nonce.
    pub(crate) fn seal(key: &SigningKey, passphrase: &Passphrase, cost: Cost) -> Result<Self, Failure> {
        let (salt, nonce) = (system::random::<16>()?, system::random::<24>()?);
        let ciphertext = cipher(passphrase, &salt, cost)
            .and_then(|cipher| {
                let (seed, aad) = (key.seed(), associated_data(key.id()));
                let payload = Payload { msg: &*seed, aad: aad.as_bytes() };
                cipher.encrypt(&XNonce::from(nonce), payload).ok()
            })
            .ok_or_else(|| Failure::new(Local::Io, "The key cannot be sealed: there is not enough memory."))?;
        Ok(Sealed {
            kdf: Kdf::Argon2id,
            cost,
            salt: const_hex::encode(salt),
            cipher: Cipher::XChaCha20Poly1305,
            nonce: const_hex::encode(nonce),
            ciphertext: const_hex::encode(ciphertext),
        })
    }

    /// Whether opening this stays within what this machine can be asked for.
    pub(crate) fn is_affordable(&self) -> bool {
        let Cost { memory_kib, passes, lanes } = self.cost;
        memory_kib <= Cost::MOST.memory_kib && passes <= Cost::MOST.passes && lanes <= Cost::MOST.lanes
    }

    /// Opens the seal and returns the key, which is that of `id`.
    pub(crate) fn unseal(&self, id: KeyId, passphrase: &Passphrase) -> Result<SigningKey, Failure> {
        let opened = || {
            let salt = const_hex::decode_to_array::<_, 16>(&self.salt).ok()?;
            let nonce = const_hex::decode_to_array::<_, 24>(&self.nonce).ok()?;
            let msg = &*const_hex::decode(&self.ciphertext).ok()?;
            let aad = associated_data(id);
            let payload = Payload { msg, aad: aad.as_bytes() };
            let seed =
                Zeroizing::new(cipher(passphrase, &salt, self.cost)?.decrypt(&XNonce::from(nonce), payload).ok()?);
            let key = SigningKey::from_seed(seed.as_slice().try_into().ok()?);
            (key.id() == id).then_some(key)
        };
        opened().ok_or_else(|| {
            Failure::new(Local::PassphraseWrong, "The passphrase does not open the key file, or the file was changed.")
        })
    }
}

/// `None` when the costs are none that Argon2 defines.
fn cipher(passphrase: &Passphrase, salt: &[u8; 16], cost: Cost) -> Option<XChaCha20Poly1305> {
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(key.len())).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut *key).ok()?;
    XChaCha20Poly1305::new_from_slice(&*key).ok()
}

/// Binds a seal to this use, this version of the file and this public key.
fn associated_data(id: KeyId) -> String {
    format!("kez-cli/key-file/v1\n{id}")
}
