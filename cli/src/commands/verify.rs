//! `kez verify`: is this envelope, or this whole sigchain, what its signatures say it is?

use std::path::Path;
use std::process::ExitCode;

use kez_core::sigchain::{Audit, State};
use kez_core::{Code, Hash, KeyId, Problem, Verified, verify_envelope};
use serde::Serialize;

use super::input;
use crate::failure::Failure;
use crate::output;

/// Largest envelope, in bytes: room for one of the largest size in any spelling that a person would write.
const MAX_ENVELOPE_BYTES: usize = 128 * 1024;
/// Largest audit log, in bytes: 10,000 entries of the largest size, with their receipts.
const MAX_AUDIT_BYTES: usize = 128 * 1024 * 1024;

/// What is printed; the exit code tells the same.
#[derive(Serialize)]
#[serde(untagged)]
enum Verdict<'a> {
    Envelope {
        valid: bool,
        r#type: &'a str,
        key: KeyId,
        id: Hash,
    },
    Chain {
        valid: bool,
        r#type: &'a str,
        key: KeyId,
        id: Option<Hash>,
        nullified: &'a [Hash],
        state: Option<&'a State>,
    },
    Invalid {
        valid: bool,
        code: &'a str,
        detail: &'a str,
    },
    InvalidEntry {
        valid: bool,
        code: &'a str,
        detail: &'a str,
        index: usize,
    },
}

/// Prints the verdict. What is invalid is a result on stdout too, and the exit code tells.
pub(super) fn run(file: &Path) -> Result<ExitCode, Failure> {
    let text = input::read(file, MAX_AUDIT_BYTES)?;
    if text.len() > MAX_AUDIT_BYTES {
        return refused(&Problem::new(Code::PayloadTooLarge, "An audit log is at most 128 MiB."));
    }
    verdict(&text)
}

/// The verdict on an audit log or an envelope, whichever it is.
pub(super) fn verdict(text: &[u8]) -> Result<ExitCode, Failure> {
    match Audit::parse(text) {
        Ok(audit) => chain(audit),
        Err(_) => envelope(text),
    }
}

fn envelope(text: &[u8]) -> Result<ExitCode, Failure> {
    let verdict = if text.len() > MAX_ENVELOPE_BYTES {
        Err(Problem::new(Code::PayloadTooLarge, "This is over 128 KiB and no audit log; no envelope is as large."))
    } else {
        verify_envelope(text)
    };
    match verdict {
        Ok(Verified { payload_type, key, id }) => {
            valid(&Verdict::Envelope { valid: true, r#type: &payload_type, key, id })
        }
        Err(problem) => refused(&problem),
    }
}

fn chain(audit: Audit<'_>) -> Result<ExitCode, Failure> {
    match audit.verify() {
        Ok(chain) => valid(&Verdict::Chain {
            valid: true,
            r#type: "sigchain",
            key: chain.id(),
            id: chain.head().map(|head| head.hash),
            nullified: chain.nullified(),
            state: chain.state(),
        }),
        Err(failure) => {
            let (code, detail) = (failure.reason.as_str(), failure.reason.detail());
            output::json(&Verdict::InvalidEntry { valid: false, code, detail, index: failure.index })?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn valid(verdict: &Verdict<'_>) -> Result<ExitCode, Failure> {
    output::json(verdict)?;
    Ok(ExitCode::SUCCESS)
}

fn refused(problem: &Problem) -> Result<ExitCode, Failure> {
    output::json(&Verdict::Invalid { valid: false, code: problem.code.as_str(), detail: &problem.detail })?;
    Ok(ExitCode::FAILURE)
}
