//! A key file's bytes: reading them, writing them, and getting the key out.

use kez_core::text::decode;
use kez_core::{KeyId, SigningKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::{Cost, Sealed};
use crate::failure::{Failure, Local};
use crate::passphrase::Passphrase;

const VERSION: u8 = 1;

/// A key as it is stored. Deliberately without `Clone` or `Debug`.
pub(crate) struct KeyFile {
    key: KeyId,
    secret: Secret,
}

enum Secret {
    Plain(SigningKey),
    Sealed(Sealed),
}

/// Why bytes are not a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("this is not a key file")]
    NotOne,
    #[error("this key file was written by a newer kez")]
    Newer,
    #[error("the seed is not that of the public key beside it")]
    OtherKey,
    #[error("the costs of its passphrase are beyond all reason")]
    Costs,
}

/// Borrows, so that the seed is in no buffer but the one that was read, which is wiped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    version: u8,
    key: KeyId,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    seed: Option<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed>,
}

impl KeyFile {
    /// The stored form of `key`, sealed if there is a passphrase.
    pub(crate) fn new(key: SigningKey, passphrase: Option<&Passphrase>) -> Result<Self, Failure> {
        let id = key.id();
        let secret = match passphrase {
            Some(passphrase) => Secret::Sealed(Sealed::seal(&key, passphrase, Cost::DEFAULT)?),
            None => Secret::Plain(key),
        };
        Ok(KeyFile { key: id, secret })
    }

    /// Reads a key file, which an editor may have saved in its own way. The public key of a plain one is checked against its
    /// seed.
    pub(crate) fn from_bytes(text: &[u8]) -> Result<Self, Broken> {
        let text = decode(text).ok_or(Broken::NotOne)?;
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let Versioned { version } = serde_json::from_str(&text).map_err(|_| Broken::NotOne)?;
        match version {
            0 => return Err(Broken::NotOne),
            1 => {}
            _ => return Err(Broken::Newer),
        }
        let document: Document<'_> = serde_json::from_str(&text).map_err(|_| Broken::NotOne)?;
        let secret = match (document.seed, document.sealed) {
            (Some(hex), None) => {
                let mut seed = Zeroizing::new([0; 32]);
                const_hex::decode_to_slice(hex, &mut *seed).map_err(|_| Broken::NotOne)?;
                let key = SigningKey::from_seed(&seed);
                if key.id() != document.key {
                    return Err(Broken::OtherKey);
                }
                Secret::Plain(key)
            }
            (None, Some(sealed)) if sealed.is_affordable() => Secret::Sealed(sealed),
            (None, Some(_)) => return Err(Broken::Costs),
            _ => return Err(Broken::NotOne),
        };
        Ok(KeyFile { key: document.key, secret })
    }

    /// The file's bytes.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let (hex, sealed) = match &self.secret {
            Secret::Plain(key) => (Some(Zeroizing::new(const_hex::encode(*key.seed()))), None),
            Secret::Sealed(sealed) => (None, Some(sealed.clone())),
        };
        let seed = hex.as_ref().map(|hex| hex.as_str());
        // The room is taken at once: a buffer that grows leaves pieces of the seed behind.
        let mut text = Zeroizing::new(Vec::with_capacity(super::MAX_BYTES));
        serde_json::to_writer_pretty(&mut *text, &Document { version: VERSION, key: self.key, seed, sealed })
            .expect("strings and numbers always serialise, and a vector takes every write");
        text.push(b'\n');
        text
    }

    /// The public key.
    pub(crate) fn id(&self) -> KeyId {
        self.key
    }

    /// Whether it takes a passphrase to get the key out.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.secret, Secret::Sealed(_))
    }

    /// The key itself. `passphrase` is asked for only if it is needed.
    pub(crate) fn unlock(
        self,
        passphrase: impl FnOnce() -> Result<Option<Passphrase>, Failure>,
    ) -> Result<SigningKey, Failure> {
        match self.secret {
            Secret::Plain(key) => Ok(key),
            Secret::Sealed(sealed) => {
                let passphrase = passphrase()?.ok_or_else(|| {
                    Failure::new(
                        Local::PassphraseMissing,
                        "Give its passphrase with --passphrase-file or in the variable KEZ_PASSPHRASE.",
                    )
                })?;
                let key = sealed.unseal(self.key, &passphrase);
                match (key, passphrase.as_written()) {
                    (Err(failure), Some(as_written)) if failure.is_local(Local::PassphraseWrong) => {
                        sealed.unseal(self.key, as_written)
                    }
                    (key, _) => key,
                }
            }
        }
    }
}
