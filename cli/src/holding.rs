//! What the last `kez register` did, kept beside the key file so that `kez release` needs no arguments. Nothing secret,
//! and nothing that cannot be asked again: a file that does not read is as good as none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kez_core::{Handle, KeyId, ServerName};
use serde::{Deserialize, Serialize};

use crate::keyfile;
use crate::server_url::ServerUrl;

/// A handle that the key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) key: KeyId,
    pub(crate) handle: Handle,
    /// Where the server was asked.
    pub(crate) server: ServerUrl,
    /// The name that was signed for.
    pub(crate) server_name: ServerName,
}

#[derive(Serialize, Deserialize)]
struct Document {
    key: KeyId,
    handle: String,
    server: String,
    server_name: String,
}

impl Holding {
    /// What is remembered about `key`, if anything.
    fn load(key_file: &Path, key: KeyId) -> Option<Self> {
        let document: Document = serde_json::from_slice(&fs::read(beside(key_file)).ok()?).ok()?;
        let identity = Holding {
            key: document.key,
            handle: document.handle.parse().ok()?,
            server: document.server.parse().ok()?,
            server_name: document.server_name.parse().ok()?,
        };
        (identity.key == key).then_some(identity)
    }

    /// What is remembered about `key`, if it is at this server: nothing else may be meant where one was named.
    pub(crate) fn at(
        key_file: &Path,
        key: KeyId,
        server: Option<&ServerUrl>,
        name: Option<&ServerName>,
    ) -> Option<Self> {
        Holding::load(key_file, key).filter(|identity| {
            server.is_none_or(|url| *url == identity.server) && name.is_none_or(|name| *name == identity.server_name)
        })
    }

    /// Remembers this instead of whatever was remembered before.
    pub(crate) fn save(&self, key_file: &Path) -> io::Result<()> {
        let path = beside(key_file);
        let mut text = serde_json::to_vec_pretty(&Document {
            key: self.key,
            handle: self.handle.to_string(),
            server: self.server.to_string(),
            server_name: self.server_name.to_string(),
        })?;
        text.push(b'\n');
        keyfile::private_file(keyfile::directory_of(&path), &text)?.persist(&path)?;
        Ok(())
    }

    /// Remembers nothing any more.
    pub(crate) fn forget(key_file: &Path) {
        // A file that stays behind costs one refused release, which says so.
        let _ = fs::remove_file(beside(key_file));
    }
}

/// `identity.json` for `key.json`; any other key file has one of its own, `x.identity.json` for `x.json`.
fn beside(key_file: &Path) -> PathBuf {
    match key_file.file_stem() {
        Some(stem) if stem != "key" => {
            let mut name = stem.to_owned();
            name.push(".identity.json");
            key_file.with_file_name(name)
        }
        _ => key_file.with_file_name("identity.json"),
    }
}
