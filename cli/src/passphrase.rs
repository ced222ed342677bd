//! The passphrase that seals a key file. It is never an argument: other users can read those.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::{Failure, Local};
use crate::system;

/// Longest passphrase, in bytes: what reads like one, and not a disk image given by mistake.
const MAX_BYTES: usize = 1024;

/// Deliberately without `Clone`, `Debug` or `Display`; wiped when dropped.
pub(crate) struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, Failure> {
        let bytes = Zeroizing::new(bytes);
        match bytes.len() {
            0 => Err(Failure::new(Local::PassphraseMissing, "The passphrase is empty.")),
            1..=MAX_BYTES => Ok(Passphrase(bytes)),
            _ => Err(Failure::new(Local::PassphraseWrong, "A passphrase has at most 1024 bytes.")),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The passphrase of `file`, else that of the variable `KEZ_PASSPHRASE`, if there is one.
pub(crate) fn given(file: Option<&Path>) -> Result<Option<Passphrase>, Failure> {
    if let Some(file) = file {
        return first_line(file).map(Some);
    }
    system::variable("KEZ_PASSPHRASE").map(|value| Passphrase::new(value.into_encoded_bytes())).transpose()
}

fn first_line(file: &Path) -> Result<Passphrase, Failure> {
    // The room is taken at once: a buffer that grows leaves pieces of the passphrase behind.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * MAX_BYTES));
    File::open(file)
        .and_then(|file| file.take(2 * MAX_BYTES as u64).read_to_end(&mut text))
        .map_err(|error| Failure::new(Local::Io, format!("{} cannot be read: {error}.", file.display())))?;
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    Passphrase::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}
