//! What a document says, whatever its spelling.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::sorted::Sorted;

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

/// A member whose value is a text.
pub(crate) fn member(name: &str, value: impl fmt::Display) -> (String, Json) {
    // Once for all types.
    fn of(name: &str, value: &dyn fmt::Display) -> (String, Json) {
        (name.to_owned(), Json::String(value.to_string()))
    }
    of(name, &value)
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
