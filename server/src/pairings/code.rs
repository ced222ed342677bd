//! Codes: short enough to be read aloud, and too many to be guessed in ten minutes.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The digits of base 32, without I, L, O and U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Digits of a code, 5 bits each.
const LENGTH: usize = 10;

/// Names a waiting offer: 50 random bits, written `ABCDE-FGHJK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PairingCode([u8; LENGTH]);

impl PairingCode {
    /// From bytes that were drawn at random, whose first ten give 5 bits each.
    pub(super) fn from_random(bytes: &[u8; 32]) -> Self {
        PairingCode(std::array::from_fn(|at| DIGITS[usize::from(bytes[at] % 32)]))
    }
}

/// Whatever people make of a code: small letters, no dash or others, O for zero, I and L for one.
impl FromStr for PairingCode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut code = [0; LENGTH];
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        for place in &mut code {
            *place = match digits.next().ok_or(())?.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                digit if DIGITS.contains(&digit) => digit,
                _ => return Err(()),
            };
        }
        if digits.next().is_none() { Ok(PairingCode(code)) } else { Err(()) }
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(LENGTH / 2);
        write!(f, "{}-{}", String::from_utf8_lossy(first), String::from_utf8_lossy(second))
    }
}

impl Serialize for PairingCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_written_and_read() {
        let from = |first: u8| PairingCode::from_random(&std::array::from_fn(|at| first.wrapping_add(at as u8)));
        assert_eq!(from(10).to_string(), "ABCDE-FGHJK");
        assert_eq!(from(54).to_string(), "PQRST-VWXYZ");
        for first in 0..=255 {
            assert_eq!(from(first).to_string().parse(), Ok(from(first)));
        }
    }

    #[test]
    fn spellings() {
        let code = "01ABC-DEFGH".parse::<PairingCode>().expect("a code");
        for same in ["01abc-defgh", "01ABCDEFGH", "oIabc-defgh", "OLABCDEFGH", "0-1abc-defg-h"] {
            assert_eq!(same.parse(), Ok(code), "{same}");
        }
        for bad in
            ["", "-", "01ABC-DEFG", "01ABC-DEFGHJ", "01ABC DEFGH", "01ABC-DEFGU", "01ABC-DEFG\u{fc}", "01ABC/DEFGH"]
        {
            assert_eq!(bad.parse::<PairingCode>(), Err(()), "{bad}");
        }
    }
}
