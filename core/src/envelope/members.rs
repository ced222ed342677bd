//! Taking members out of an envelope, one kind at a time.

use std::str::FromStr;

use crate::canonical::{self, Json, Object};
use crate::hash::decode_lower_hex;
use crate::problem::{Code, Problem};
use crate::time::Timestamp;

/// The members of the text's one object.
pub(crate) fn read_object(text: &[u8]) -> Result<Object, Problem> {
    match canonical::parse_envelope(text)? {
        Json::Object(members) => Ok(members),
        _ => Err(malformed("An envelope is a JSON object.")),
    }
}

pub(super) fn take_object(members: &mut Object, name: &str) -> Result<Object, Problem> {
    match members.remove(name) {
        Some(Json::Object(value)) => Ok(value),
        Some(_) => Err(malformed(format!("`{name}` is not an object."))),
        None => Err(malformed(format!("`{name}` is missing."))),
    }
}

pub(crate) fn take_string(members: &mut Object, name: &str) -> Result<String, Problem> {
    match members.remove(name) {
        Some(Json::String(value)) => Ok(value),
        Some(_) => Err(malformed(format!("`{name}` is not a string."))),
        None => Err(malformed(format!("`{name}` is missing."))),
    }
}

pub(crate) fn take_bool(members: &mut Object, name: &str) -> Result<bool, Problem> {
    match members.remove(name) {
        Some(Json::Bool(value)) => Ok(value),
        Some(_) => Err(malformed(format!("`{name}` is neither true nor false."))),
        None => Err(malformed(format!("`{name}` is missing."))),
    }
}

pub(crate) fn take_array(members: &mut Object, name: &str) -> Result<Vec<Json>, Problem> {
    match members.remove(name) {
        Some(Json::Array(items)) => Ok(items),
        Some(_) => Err(malformed(format!("`{name}` is not an array."))),
        None => Err(malformed(format!("`{name}` is missing."))),
    }
}

/// So many bytes, as lower-case hex digits.
pub(crate) fn take_hex<const N: usize>(members: &mut Object, name: &str) -> Result<[u8; N], Problem> {
    let malformed = || malformed(format!("`{name}` is {} lower-case hex digits.", 2 * N));
    decode_lower_hex(&take_string(members, name)?).ok_or_else(malformed)
}

/// A string with one spelling, which `what` describes.
pub(crate) fn take_parsed<T: FromStr>(members: &mut Object, name: &str, what: &str) -> Result<T, Problem> {
    take_string(members, name)?.parse().map_err(|_| malformed(format!("`{name}` is {what}.")))
}

pub(crate) fn take_time(members: &mut Object, name: &str) -> Result<Timestamp, Problem> {
    take_parsed(members, name, "a UTC time written YYYY-MM-DDTHH:MM:SSZ")
}

/// Refuses what is left once every defined member was taken.
pub(crate) fn no_more(members: &Object) -> Result<(), Problem> {
    match members.keys().next() {
        // The name is the sender's own text; it is cut so that a problem stays a sentence.
        Some(name) => {
            Err(malformed(format!("`{:.40}` is not a member of this type.", name.escape_default().to_string())))
        }
        None => Ok(()),
    }
}

pub(crate) fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::MalformedEnvelope, detail)
}
