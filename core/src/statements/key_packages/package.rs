//! One key package, as bytes that nobody here understands.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;

use crate::hash::Hash;

/// Smallest key package, in bytes.
pub const MIN_PACKAGE_BYTES: usize = 64;
/// Largest key package, in bytes.
pub const MAX_PACKAGE_BYTES: usize = 4_096;
/// How each begins, two bytes a number: version `mls10`, wire format `mls_key_package`, version `mls10`, cipher suite 3
/// (RFC 9420 sections 6, 10 and 17.1).
const START: [u8; 8] = [0, 1, 0, 5, 0, 1, 0, 3];

/// An `MLSMessage` that says to be a key package of the cipher suite that conversations have. Whether it is one, whoever
/// uses it finds out.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPackage(Vec<u8>);

impl KeyPackage {
    /// A key package of these bytes; none when they are too few, too many, or begin as another message.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let is_one = (MIN_PACKAGE_BYTES..=MAX_PACKAGE_BYTES).contains(&bytes.len()) && bytes.starts_with(&START);
        is_one.then_some(KeyPackage(bytes))
    }

    /// As [`KeyPackage::from_bytes`], of base64url without padding (RFC 4648 section 5), in the one spelling that each has.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let is_short = text.len() <= MAX_PACKAGE_BYTES.div_ceil(3) * 4;
        is_short.then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok()).flatten().and_then(KeyPackage::from_bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the bytes, by which a package is known again.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }

    /// The bytes, to be kept.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Base64url without padding.
impl fmt::Display for KeyPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&BASE64URL_NOPAD.encode_display(&self.0), f)
    }
}

impl fmt::Debug for KeyPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPackage({} bytes, {})", self.0.len(), self.hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(length: usize) -> Vec<u8> {
        let mut bytes = START.to_vec();
        bytes.resize(length, 7);
        bytes
    }

    #[test]
    fn sizes_and_beginnings_are_looked_at() {
        for (length, is_one) in [(63, false), (64, true), (65, true), (4_096, true), (4_097, false)] {
            let bytes = of_length(length);
            assert_eq!(KeyPackage::from_bytes(bytes.clone()).is_some(), is_one, "{length}");
            assert_eq!(KeyPackage::from_text(&BASE64URL_NOPAD.encode(&bytes)).is_some(), is_one, "{length}");
        }
        for at in 0..START.len() {
            let mut other = of_length(64);
            other[at] ^= 0x10;
            assert_eq!(KeyPackage::from_bytes(other), None, "{at}");
        }
    }

    #[test]
    fn a_package_has_one_spelling() {
        let package = KeyPackage::from_bytes(of_length(64)).expect("it is one");
        let text = package.to_string();
        assert_eq!(KeyPackage::from_text(&text), Some(package));
        // 64 bytes leave four bits of the last character, which are zero.
        let last = &text[..text.len() - 1];
        for wrong in
            [format!("{text}="), format!("{text}=="), format!("{last}x"), format!("{text}AAA"), format!(" {text}")]
        {
            assert_eq!(KeyPackage::from_text(&wrong), None, "{wrong}");
        }
        assert_eq!(KeyPackage::from_text(&format!("{}+{}", &text[..20], &text[21..])), None, "of the other alphabet");
    }
}
