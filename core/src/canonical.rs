//! Canonical JSON: a strict I-JSON reader (RFC 7493), and the JSON Canonicalization Scheme (RFC 8785) to write it.
//!
//! The reader takes less than RFC 8259 allows, so that a document has one meaning everywhere: no duplicate names, no
//! lone surrogates, no byte order mark, at most [`MAX_DEPTH`] levels; integers within ±(2^53−1) and ASCII names only.

use serde::{Serialize, Serializer};

use crate::sorted::Sorted;

mod read;
mod write;

pub use read::parse;
pub(crate) use read::{Names, Reader, Syntax, parse_envelope, parse_unjudged};

/// Levels that arrays and objects may nest; the root is level 1.
pub const MAX_DEPTH: usize = 16;
/// 2^53 − 1, the largest integer that every JSON implementation holds exactly (RFC 7493 section 2.2).
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The members of an object. Names are ASCII, so the map's order is that of RFC 8785 section 3.2.3.
pub type Object = Sorted<String, Json>;

/// A JSON value that has a canonical form here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer within ±[`MAX_INTEGER`]
    Integer(i64),
    /// A string of Unicode scalar values
    String(String),
    /// `[…]`
    Array(Vec<Json>),
    /// `{…}`
    Object(Object),
}

/// An object of these members; of two with one name the later one stays.
pub fn object(members: impl IntoIterator<Item = (String, Json)>) -> Object {
    // Once for all lists, whatever their lengths.
    fn add(members: &mut dyn Iterator<Item = (String, Json)>) -> Object {
        members.collect()
    }
    add(&mut members.into_iter())
}

impl Json {
    /// The canonical bytes (RFC 8785), the same as [`to_vec`] gives but without serde in between: a server does this
    /// twice for every envelope that it reads. Names that are not ASCII, which no document from [`parse`] has, would
    /// be in the order of their code points.
    #[must_use]
    pub fn to_canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::value(&mut out, self);
        out
    }
}

/// The canonical bytes of an object, as [`Json::to_canonical`].
#[must_use]
pub(crate) fn object_to_canonical(members: &Object) -> Vec<u8> {
    let mut out = Vec::new();
    write::object(&mut out, members);
    out
}

/// The canonical bytes of an object, as the text that they are: what its signer reads.
pub(crate) fn text(members: &Object) -> String {
    String::from_utf8(object_to_canonical(members)).expect("strings and punctuation are written as UTF-8")
}

/// Appends the canonical bytes of an object to `out`.
pub(crate) fn append(out: &mut Vec<u8>, members: &Object) {
    write::object(out, members);
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Integer(value) => serializer.serialize_i64(*value),
            Json::String(value) => serializer.serialize_str(value),
            Json::Array(items) => serializer.collect_seq(items),
            Json::Object(members) => members.serialize(serializer),
        }
    }
}

/// The canonical bytes of `value` (RFC 8785).
///
/// # Panics
/// Never for [`Json`] and for this crate's own payload types: their names are strings and their numbers are finite.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_jcs::to_vec(value).expect("only string names and finite numbers are ever serialised")
}
