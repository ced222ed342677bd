//! What the program says: results as one JSON document on stdout; failures and warnings on stderr, as sentences on a
//! terminal and as one JSON line each otherwise.
//!
//! Much of it are other people's words. JSON shows what these hide as `\u` escapes, which change nothing of what is
//! meant, and sentences show it as U+FFFD: no name steers a terminal, and none reads like another.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use kez_core::text::{is_hidden, shown};
use serde::Serialize;

use crate::failure::{Failure, Local};

/// Prints a result: one line of JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    document(&serde_json::to_string(value).map_err(|error| cannot_write(error.into()))?)
}

/// Prints a JSON document, as it was laid out, and a line feed.
pub(crate) fn document(json: &str) -> Result<(), Failure> {
    bytes(format!("{}\n", escaped(json)).as_bytes())
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
    say(&format!("kez: {failure}"), failure);
}

/// Tells something that the caller should know although the operation goes on: `{"warning"}`.
pub(crate) fn warn(warning: &str) {
    say(&format!("kez: warning: {warning}"), &serde_json::json!({ "warning": warning }));
}

/// One line on stderr: the sentence for a person, or the document for a program.
fn say(sentence: &str, document: &impl Serialize) {
    let json = if is_read_by_a_person() { None } else { serde_json::to_string(document).ok() };
    let line = json.as_deref().map_or_else(|| shown(sentence), escaped);
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A JSON document, with `\u` escapes for what its strings hide. Line feeds and tabs in it are none of a string's.
fn escaped(json: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| is_hidden(c) && !matches!(c, '\t' | '\n' | '\r');
    if !json.contains(is_escaped) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + json.len() / 8);
    for c in json.chars() {
        if is_escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

fn cannot_write(error: io::Error) -> Failure {
    Failure::new(Local::Io, format!("The result cannot be written: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_hidden_in_json_and_none_is_changed() {
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        for some in all.chunks(4096) {
            let text: String = some.iter().collect();
            let json = serde_json::json!({ "is": text }).to_string();
            let written = escaped(&json);
            assert_eq!(written.chars().find(|c| is_hidden(*c)), None);
            let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(read["is"], text);
        }
    }

    #[test]
    fn what_reads_as_it_is_stays_as_it_is() {
        let json = "{\n\t\"a\": \"müller 名前 🙂\\u009b\"\r\n}";
        assert_eq!(escaped(json), json);
        assert_eq!(escaped("\"\u{9b}\u{202e}\u{e0061}\""), r#""\u009b\u202e\udb40\udc61""#);
    }
}
