//! Handles: 3 to 32 of `a-z 0-9 _ -`, beginning with a letter or a digit, some of them reserved.

mod typed;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::problem::{Code, Problem};
pub use typed::{NotTyped, Typed};

/// Shortest handle, in characters.
pub const MIN_LEN: usize = 3;
/// Longest handle, in characters.
pub const MAX_LEN: usize = 32;

/// Names that nobody may register. Searched line by line: it is asked once a registration, after a signature check.
const RESERVED: &str = include_str!("../data/reserved_handles.txt");

/// A well-formed handle, in lower case. Being well formed does not mean that it may be registered: see
/// [`Handle::is_reserved`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(String);

/// Why a text is not a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHandle {
    /// Fewer than [`MIN_LEN`] characters.
    #[error("A handle has at least 3 characters.")]
    TooShort,
    /// More than [`MAX_LEN`] characters.
    #[error("A handle has at most 32 characters.")]
    TooLong,
    /// An upper-case letter; registration never folds it silently.
    #[error("A handle has no capital letters; use the lower-case ones.")]
    UpperCase,
    /// The first character is `_` or `-`.
    #[error("A handle begins with a letter or a digit.")]
    BadStart,
    /// Something other than `a-z`, `0-9`, `_` and `-`.
    #[error("A handle is made of the letters a to z, digits, _ and - only.")]
    BadCharacter,
}

impl Handle {
    /// For looking up: upper-case ASCII letters are folded first.
    ///
    /// # Errors
    /// [`InvalidHandle`] when no handle can have this spelling.
    pub fn for_lookup(text: &str) -> Result<Self, InvalidHandle> {
        text.to_ascii_lowercase().parse()
    }

    /// The handle's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody may register this handle.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        reserved().any(|name| name == self.0)
    }
}

/// All reserved names, in the order of the data file.
pub fn reserved() -> impl Iterator<Item = &'static str> {
    RESERVED.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    /// For registering: the text must be the handle exactly.
    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if let Some(other) = text.chars().find(|&c| !allowed(c)) {
            return Err(if other.is_ascii_uppercase() {
                InvalidHandle::UpperCase
            } else {
                InvalidHandle::BadCharacter
            });
        }
        match text.len() {
            ..MIN_LEN => Err(InvalidHandle::TooShort),
            MIN_LEN..=MAX_LEN if text.starts_with(['_', '-']) => Err(InvalidHandle::BadStart),
            MIN_LEN..=MAX_LEN => Ok(Handle(text.to_owned())),
            _ => Err(InvalidHandle::TooLong),
        }
    }
}

impl From<InvalidHandle> for Problem {
    fn from(error: InvalidHandle) -> Self {
        Problem::new(Code::InvalidHandle, error.to_string())
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| de::Error::custom("this is no handle"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for good in ["abc", "0ab", "a_-", "tudisco", &"a".repeat(32)] {
            assert!(good.parse::<Handle>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", InvalidHandle::TooShort),
            ("ab", InvalidHandle::TooShort),
            (&*"a".repeat(33), InvalidHandle::TooLong),
            ("Abc", InvalidHandle::UpperCase),
            ("-abc", InvalidHandle::BadStart),
            ("_abc", InvalidHandle::BadStart),
            ("a.b", InvalidHandle::BadCharacter),
            ("ab\0", InvalidHandle::BadCharacter),
            ("abé", InvalidHandle::BadCharacter),
            ("ab\u{212a}", InvalidHandle::BadCharacter),
        ] {
            assert_eq!(bad.parse::<Handle>(), Err(why), "{bad:?}");
        }
        assert_eq!(Handle::for_lookup("TuDisco").map(|h| h.0), Ok("tudisco".to_owned()));
        // The Kelvin sign folds to k in Unicode; only ASCII may fold here.
        assert!(Handle::for_lookup("\u{212a}ez").is_err());
    }

    #[test]
    fn every_reserved_name_is_a_handle_once() {
        let names: Vec<_> = reserved().collect();
        assert!((180..=260).contains(&names.len()), "{}", names.len());
        for (i, name) in names.iter().enumerate() {
            assert!(name.parse::<Handle>().is_ok_and(|h| h.is_reserved()), "{name}");
            assert!(!names[..i].contains(name), "{name} stands twice");
        }
    }
}
