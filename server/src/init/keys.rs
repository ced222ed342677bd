//! The broker's keys: one seed a file, in NATS' own text form.

use std::path::{Path, PathBuf};

use nkeys::{KeyPair, KeyPairType, XKey};
use zeroize::{Zeroize as _, Zeroizing};

use super::folder::{Access, Folder};
use super::{InitError, Random};

/// The folder of the keys, in the one that `init` writes.
pub(super) const FOLDER: &str = "keys";

/// What a key is for; each has its own prefix, so that none can be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Issuer,
    Auth,
    Store,
    Sys,
    Xkey,
}

impl Use {
    pub(super) fn file(self) -> PathBuf {
        let name = match self {
            Use::Issuer => "issuer.nk",
            Use::Auth => "auth.nk",
            Use::Store => "store.nk",
            Use::Sys => "sys.nk",
            Use::Xkey => "xkey.nk",
        };
        Path::new(FOLDER).join(name)
    }

    /// What its seeds begin with.
    fn prefix(self) -> &'static str {
        match self {
            Use::Issuer => "SA",
            Use::Auth | Use::Store | Use::Sys => "SU",
            Use::Xkey => "SX",
        }
    }
}

/// A key that is read and written, never used here. Its seed is wiped from memory.
pub(super) struct Key {
    public: String,
    seed: Zeroizing<String>,
}

impl Key {
    pub(super) fn make(what: Use, random: Random<'_>) -> Result<Key, InitError> {
        let mut bytes = random()?;
        let seed = match what {
            Use::Issuer => KeyPair::new_from_raw(KeyPairType::Account, bytes).and_then(|key| key.seed()),
            Use::Auth | Use::Store | Use::Sys => {
                KeyPair::new_from_raw(KeyPairType::User, bytes).and_then(|key| key.seed())
            }
            Use::Xkey => XKey::new_from_raw(bytes).seed(),
        };
        bytes.zeroize();
        let seed = seed.map_err(|error| InitError::Refused(format!("no key can be made: {error}")))?;
        Key::parse(what, Zeroizing::new(seed))
    }

    fn parse(what: Use, seed: Zeroizing<String>) -> Result<Key, InitError> {
        let public = match what {
            _ if !seed.starts_with(what.prefix()) => None,
            Use::Xkey => XKey::from_seed(&seed).ok().map(|key| key.public_key()),
            _ => KeyPair::from_seed(&seed).ok().map(|key| key.public_key()),
        };
        let wrong = || InitError::Refused(format!("it holds no seed that begins with {}", what.prefix()));
        Ok(Key { public: public.ok_or_else(wrong)?, seed })
    }

    /// Reads the key's file, if it is there.
    pub(super) fn read(folder: &Folder, what: Use, file: &Path) -> Result<Option<Key>, InitError> {
        let Some(text) = folder.read(file, Access::Secret)? else { return Ok(None) };
        let seed = Zeroizing::new(text.trim().to_owned());
        let named = |error| InitError::Refused(format!("{}: {error}", folder.path(file).display()));
        Key::parse(what, seed).map(Some).map_err(named)
    }

    pub(super) fn public(&self) -> &str {
        &self.public
    }

    pub(super) fn seed(&self) -> &str {
        &self.seed
    }

    /// The text of the key's file.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new([&self.seed, "\n"].concat())
    }
}

/// All keys of a deployment.
pub(super) struct Keys {
    pub(super) issuer: Key,
    pub(super) auth: Key,
    pub(super) store: Key,
    pub(super) sys: Key,
    pub(super) xkey: Option<Key>,
}

impl Keys {
    /// The keys in the folder, and new ones for those that are missing; nothing is written.
    pub(super) fn read_or_make(folder: &Folder, with_xkey: bool, random: Random<'_>) -> Result<Keys, InitError> {
        let key = |what: Use| match Key::read(folder, what, &what.file())? {
            Some(key) => Ok(key),
            None => Key::make(what, random),
        };
        let xkey = if with_xkey { Some(key(Use::Xkey)?) } else { None };
        Ok(Keys {
            issuer: key(Use::Issuer)?,
            auth: key(Use::Auth)?,
            store: key(Use::Store)?,
            sys: key(Use::Sys)?,
            xkey,
        })
    }

    /// The files that are not there yet.
    pub(super) fn missing(&self, folder: &Folder) -> Result<Vec<(PathBuf, Access, Zeroizing<String>)>, InitError> {
        let keys =
            [(Use::Issuer, &self.issuer), (Use::Auth, &self.auth), (Use::Store, &self.store), (Use::Sys, &self.sys)];
        let mut missing = Vec::new();
        for (what, key) in keys.into_iter().chain(self.xkey.as_ref().map(|key| (Use::Xkey, key))) {
            if folder.read(what.file(), Access::Secret)?.is_none() {
                missing.push((what.file(), Access::Secret, key.text()));
            }
        }
        Ok(missing)
    }
}
