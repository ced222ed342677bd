//! The passphrase that seals a key file. It is never an argument: other users can read those.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use kez_core::text::decode;
use zeroize::Zeroizing;

use crate::failure::{Failure, Local};
use crate::system;

/// Longest passphrase, in bytes: what reads like one, and not a disk image given by mistake.
const MAX_BYTES: usize = 1024;
/// What is read of a file: more than that in any encoding.
const MAX_FILE: usize = 4 * MAX_BYTES;

/// Deliberately without `Clone`, `Debug` or `Display`; wiped when dropped.
pub(crate) struct Passphrase {
    bytes: Zeroizing<Vec<u8>>,
    as_written: Option<Box<Passphrase>>,
}

impl Passphrase {
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, Failure> {
        let bytes = Zeroizing::new(bytes);
        match bytes.len() {
            0 => Err(Failure::new(Local::PassphraseMissing, "The passphrase is empty.")),
            1..=MAX_BYTES => Ok(Passphrase { bytes, as_written: None }),
            _ => Err(Failure::new(Local::PassphraseWrong, "A passphrase has at most 1024 bytes.")),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the file, where they are not the text's in UTF-8: older versions of this program took them.
    pub(crate) fn as_written(&self) -> Option<&Passphrase> {
        self.as_written.as_deref()
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
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE));
    File::open(file)
        .and_then(|file| file.take(MAX_FILE as u64).read_to_end(&mut text))
        .map_err(|error| Failure::new(Local::Io, format!("{} cannot be read: {error}.", file.display())))?;
    let as_written = line_of(&text);
    // What is no text may be a passphrase all the same.
    let Some(decoded) = decode(&text).filter(|decoded| line_of(decoded.as_bytes()) != as_written) else {
        return Passphrase::new(as_written.to_vec());
    };
    let passphrase = Passphrase::new(line_of(decoded.as_bytes()).to_vec())?;
    Ok(Passphrase { as_written: Passphrase::new(as_written.to_vec()).ok().map(Box::new), ..passphrase })
}

fn line_of(text: &[u8]) -> &[u8] {
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}
