//! What the program says: results as one JSON document on stdout; failures and warnings on stderr, as sentences on a
//! terminal and as one JSON line each otherwise.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::failure::{Failure, Local};

/// Prints a result: one line of JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(value).map_err(|error| cannot_write(error.into()))?;
    text.push(b'\n');
    bytes(&text)
}

/// Writes `bytes` to stdout as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(cannot_write)
}

/// Whether what goes to stderr is read at a terminal.
pub(crate) fn is_read_by_a_person() -> bool {
    io::stderr().is_terminal()
}

/// Tells why the operation failed: `{"code","title","detail"}`.
pub(crate) fn failure(failure: &Failure) {
    if is_read_by_a_person() {
        say(&format!("kez: {failure}"));
    } else {
        say(&serde_json::to_string(failure).unwrap_or_else(|_| failure.to_string()));
    }
}

/// Tells something that the caller should know although the operation goes on: `{"warning"}`.
pub(crate) fn warn(warning: &str) {
    if is_read_by_a_person() {
        say(&format!("kez: warning: {warning}"));
    } else {
        say(&serde_json::json!({ "warning": warning }).to_string());
    }
}

/// One line on stderr. Parts of it may be a server's own words: control characters could steer the terminal.
fn say(line: &str) {
    let line: String = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn cannot_write(error: io::Error) -> Failure {
    Failure::new(Local::Io, format!("The result cannot be written: {error}."))
}
