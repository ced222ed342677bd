//! Printing by RFC 8785: no white space, members in the order of their names, one spelling of every string.

use super::value::{Json, Object};

/// The bytes that cannot stand in a string as they are. A look into a table is quicker than three comparisons, and
/// strings are most of what is written.
const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = true;
        control += 1;
    }
    (table[b'"' as usize], table[b'\\' as usize]) = (true, true);
    table
};

impl Json {
    /// The canonical bytes (RFC 8785), the same as [`super::to_vec`] gives but without serde in between: a server does this
    /// twice for every envelope that it reads. Names that are not ASCII, which no document from [`super::parse`] has, would
    /// be in the order of their code points.
    #[must_use]
    pub fn to_canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        value(&mut out, self);
        out
    }
}

/// The canonical bytes of an object, as [`Json::to_canonical`].
#[must_use]
pub(crate) fn object_to_canonical(members: &Object) -> Vec<u8> {
    let mut out = Vec::new();
    object(&mut out, members);
    out
}

/// The canonical bytes of an object, as the text that they are: what its signer reads.
pub(crate) fn text(members: &Object) -> String {
    String::from_utf8(object_to_canonical(members)).expect("strings and punctuation are written as UTF-8")
}

/// Appends the canonical bytes of an object to `out`.
pub(crate) fn append(out: &mut Vec<u8>, members: &Object) {
    object(out, members);
}

fn value(out: &mut Vec<u8>, json: &Json) {
    match json {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Json::String(text) => string(out, text),
        Json::Array(items) => list(out, b'[', items.iter(), b']', value),
        Json::Object(members) => object(out, members),
    }
}

fn object(out: &mut Vec<u8>, members: &Object) {
    list(out, b'{', members.iter(), b'}', |out, (name, member)| {
        string(out, name);
        out.push(b':');
        value(out, member);
    });
}

fn list<T>(out: &mut Vec<u8>, open: u8, items: impl Iterator<Item = T>, close: u8, write: impl Fn(&mut Vec<u8>, T)) {
    out.push(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(close);
}

/// Section 3.2.2.2: the short escapes where there are some, `\u00xx` for other control characters, all else as it is.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&b| ESCAPED[usize::from(b)]) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            mark @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', mark]),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
