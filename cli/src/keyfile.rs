//! The key file: one Ed25519 key, readable by its owner alone, sealed with a passphrase when one is given.
//!
//! JSON, version 1, with either `seed` or `sealed`:
//! ```json
//! { "version": 1, "key": "ed25519:<hex>", "seed": "<64 hex digits>" }
//! { "version": 1, "key": "ed25519:<hex>", "sealed": {
//!     "kdf": "argon2id", "memory_kib": 65536, "passes": 3, "lanes": 1, "salt": "<32 hex digits>",
//!     "cipher": "xchacha20poly1305", "nonce": "<48 hex digits>", "ciphertext": "<96 hex digits>" } }
//! ```
//! The sealing key is Argon2id (RFC 9106, version 0x13) of the passphrase; the ciphertext is the seed under
//! XChaCha20-Poly1305, bound by its associated data to the file's version and public key (see [`seal`]).
//!
//! Access is judged by Unix permission bits.

mod format;
mod seal;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub(crate) use self::format::KeyFile;
use crate::failure::{Failure, Local};
use crate::system;

/// More than any key file has, in bytes.
const MAX_BYTES: usize = 4096;

/// Where the key file is: `given`, else `kez/key.json` in the user's configuration directory.
pub(crate) fn path(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    // The XDG base directory specification has relative paths ignored.
    let xdg = system::variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let config = xdg.or_else(|| Some(Path::new(&system::variable("HOME")?).join(".config")));
    config.map(|config| config.join("kez/key.json")).ok_or_else(|| {
        Failure::new(Local::KeyFileMissing, "There is no home directory to look in; name the key file with --key.")
    })
}

/// Writes a new key file: complete and on disk, or not at all; readable by its owner only; never over another file.
pub(crate) fn create(path: &Path, key: &KeyFile) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(
            Local::KeyFileExists,
            format!("{} is there and stays as it is; name another file with --key.", path.display()),
        ),
        _ => Failure::new(Local::Io, format!("{} cannot be written: {error}.", path.display())),
    };
    // Asked again by the system when the file takes its name; asked here so that nothing is made in vain.
    if path.symlink_metadata().is_ok() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let directory = directory_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let file = private_file(directory, &key.to_bytes()).map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}

/// Reads a key file that nobody else can read.
pub(crate) fn open(path: &Path) -> Result<KeyFile, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(
            Local::KeyFileMissing,
            format!("There is no {}; make a key with `kez key new`, or name its file with --key.", path.display()),
        ),
        _ => Failure::new(Local::Io, format!("{} cannot be read: {error}.", path.display())),
    };
    // A pipe or a device could wait or go on for ever.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Failure::new(Local::KeyFileBroken, format!("{} is not a file.", path.display())));
    }
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Failure::new(
            Local::KeyFileUnsafe,
            format!("Other users can get at the key (mode {:o}); run: chmod 600 {}", mode & 0o777, path.display()),
        ));
    }
    // The room is taken at once: a buffer that grows leaves pieces of the seed behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text).map_err(failed)?;
    KeyFile::from_bytes(&text).map_err(|broken| {
        Failure::new(Local::KeyFileBroken, format!("{}: {broken}. Put a backup in its place.", path.display()))
    })
}

/// The directory that `path` is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file without its final name yet, mode 0600, whose content is on disk.
pub(crate) fn private_file(directory: &Path, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".kez-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests;
