//! `kez canonicalize`: JSON on stdin to its canonical bytes on stdout.

use std::path::Path;

use kez_core::canonical;
use kez_core::{Code, Problem};

use super::input;
use crate::failure::Failure;
use crate::output;

/// Largest input, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Exactly the bytes that would be signed or hashed: no line feed at the end.
pub(super) fn run() -> Result<(), Failure> {
    let text = input::read(Path::new("-"), MAX_BYTES)?;
    if text.len() > MAX_BYTES {
        return Err(Problem::new(Code::PayloadTooLarge, "Send at most 16 MiB.").into());
    }
    output::bytes(&canonical::to_vec(&canonical::parse(&text)?))
}
