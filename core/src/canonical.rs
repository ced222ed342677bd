//! Canonical JSON: a strict I-JSON reader (RFC 7493), and the JSON Canonicalization Scheme (RFC 8785) to write it.
//!
//! The reader takes less than RFC 8259 allows, so that a document has one meaning everywhere: no duplicate names, no
//! lone surrogates, no byte order mark, at most [`MAX_DEPTH`] levels; integers within ±(2^53−1) and ASCII names only.

use serde::Serialize;

mod read;
mod value;
mod write;

pub use read::parse;
pub(crate) use read::{MAX_VALUES, Names, Reader, Syntax, parse_envelope, parse_unjudged};
pub(crate) use value::member;
pub use value::{Json, MAX_INTEGER, Object, object};
pub(crate) use write::{append, object_to_canonical, text};

/// Levels that arrays and objects may nest; the root is level 1.
pub const MAX_DEPTH: usize = 16;

/// The canonical bytes of `value` (RFC 8785).
///
/// # Panics
/// Never for [`Json`] and for this crate's own payload types: their names are strings and their numbers are finite.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_jcs::to_vec(value).expect("only string names and finite numbers are ever serialised")
}
