//! `kez key new` and `kez key show`.

use std::path::Path;

use kez_core::{KeyId, SigningKey};
use serde::Serialize;

use crate::args::KeyArgs;
use crate::failure::Failure;
use crate::keyfile::{self, KeyFile};
use crate::{output, passphrase, system};

#[derive(Serialize)]
struct Shown<'a> {
    key: KeyId,
    file: &'a Path,
    encrypted: bool,
}

/// Makes a key, in a new file.
pub(super) fn new(args: &KeyArgs) -> Result<(), Failure> {
    let path = keyfile::path(args.file.as_deref())?;
    let passphrase = passphrase::given(args.passphrase_file.as_deref())?;
    let file = KeyFile::new(system::new_key()?, passphrase.as_ref())?;
    keyfile::create(&path, &file)?;
    print(&path, &file)
}

/// Shows which key there is.
pub(super) fn show(args: &KeyArgs) -> Result<(), Failure> {
    let path = keyfile::path(args.file.as_deref())?;
    print(&path, &keyfile::open(&path)?)
}

/// The key itself, for signing.
pub(super) fn unlock(path: &Path, args: &KeyArgs) -> Result<SigningKey, Failure> {
    keyfile::open(path)?.unlock(|| passphrase::given(args.passphrase_file.as_deref()))
}

fn print(path: &Path, file: &KeyFile) -> Result<(), Failure> {
    output::json(&Shown { key: file.id(), file: path, encrypted: file.is_encrypted() })
}
