//! `kez verify`: is this envelope what its signature says it is?

use std::path::Path;
use std::process::ExitCode;

use kez_core::{Code, Hash, KeyId, Problem, Verified, verify_envelope};
use serde::Serialize;

use super::input;
use crate::failure::Failure;
use crate::output;

/// Largest input, in bytes: room for an envelope of the largest size in any spelling that a person would write.
const MAX_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
struct Valid<'a> {
    valid: bool,
    r#type: &'a str,
    key: KeyId,
    id: Hash,
}

#[derive(Serialize)]
struct Invalid<'a> {
    valid: bool,
    code: &'a str,
    detail: &'a str,
}

/// Prints the verdict. An invalid envelope is a result on stdout too, and the exit code tells.
pub(super) fn run(file: &Path) -> Result<ExitCode, Failure> {
    let text = input::read(file, MAX_BYTES)?;
    let verdict = if text.len() > MAX_BYTES {
        Err(Problem::new(Code::PayloadTooLarge, "An envelope is at most 8192 canonical bytes; this is over 64 KiB."))
    } else {
        verify_envelope(&text)
    };
    match verdict {
        Ok(Verified { payload_type, key, id }) => {
            output::json(&Valid { valid: true, r#type: &payload_type, key, id })?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => {
            output::json(&Invalid { valid: false, code: problem.code.as_str(), detail: &problem.detail })?;
            Ok(ExitCode::FAILURE)
        }
    }
}
