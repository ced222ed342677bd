//! NKEY text, as NATS writes keys: base32 without padding of `prefix ‖ key[32] ‖ CRC-16/XMODEM, little-endian`.
//!
//! Only public halves: seeds never leave the programs that hold them, which read them with a library of NATS's own.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use crate::base;
use crate::key::{KeyId, Suite};

/// Characters of a public key's text; 35 bytes fill them without a rest.
const TEXT_LEN: usize = 56;

/// What a key is for: the first byte of its encoding, and so the first letter of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NkeyKind {
    /// `A…`: an account, or an issuer of user JWTs.
    Account,
    /// `N…`: a server, made anew at each of its starts.
    Server,
    /// `U…`: a user.
    User,
    /// `X…`: an X25519 key, for encryption.
    Curve,
}

impl NkeyKind {
    const ALL: [NkeyKind; 4] = [NkeyKind::Account, NkeyKind::Server, NkeyKind::User, NkeyKind::Curve];

    const fn prefix(self) -> u8 {
        match self {
            NkeyKind::Account => 0,
            NkeyKind::Server => 13 << 3,
            NkeyKind::User => 20 << 3,
            NkeyKind::Curve => 23 << 3,
        }
    }
}

/// A public key in NATS's clothes. Compared by its bytes, never by text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nkey {
    kind: NkeyKind,
    bytes: [u8; 32],
}

/// The text is not 56 upper-case base32 characters with a known prefix and the right checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an nkey is 56 characters of A-Z and 2-7 that begin with A, N, U or X and end in their checksum")]
pub struct MalformedNkey;

impl Nkey {
    /// A key of this kind.
    #[must_use]
    pub const fn new(kind: NkeyKind, bytes: [u8; 32]) -> Self {
        Nkey { kind, bytes }
    }

    /// The user nkey of an Ed25519 key; none for another suite.
    #[must_use]
    pub fn user(key: &KeyId) -> Option<Self> {
        (key.suite() == Suite::Ed25519).then(|| Nkey::new(NkeyKind::User, *key.as_bytes()))
    }

    /// What the key is for.
    #[must_use]
    pub const fn kind(&self) -> NkeyKind {
        self.kind
    }

    /// The public key's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl FromStr for Nkey {
    type Err = MalformedNkey;

    fn from_str(text: &str) -> Result<Self, MalformedNkey> {
        if text.len() != TEXT_LEN {
            return Err(MalformedNkey);
        }
        let raw = BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| MalformedNkey)?;
        let (body, sum) = raw.split_last_chunk::<2>().ok_or(MalformedNkey)?;
        let (prefix, key) = body.split_first().ok_or(MalformedNkey)?;
        let kind = NkeyKind::ALL.into_iter().find(|kind| kind.prefix() == *prefix).ok_or(MalformedNkey)?;
        if u16::from_le_bytes(*sum) != crc16_xmodem(body) {
            return Err(MalformedNkey);
        }
        Ok(Nkey { kind, bytes: key.try_into().map_err(|_| MalformedNkey)? })
    }
}

impl fmt::Display for Nkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = [0; 35];
        raw[0] = self.kind.prefix();
        raw[1..33].copy_from_slice(&self.bytes);
        let sum = crc16_xmodem(&raw[..33]);
        raw[33..].copy_from_slice(&sum.to_le_bytes());
        f.write_str(&base::encode::<5>(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", &raw))
    }
}

impl fmt::Debug for Nkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, nothing reflected.
fn crc16_xmodem(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_xmodems() {
        assert_eq!(crc16_xmodem(b"123456789"), 0x31c3);
    }

    #[test]
    fn every_kind_survives_a_round_trip_and_shows_its_letter() {
        for (kind, letter) in NkeyKind::ALL.into_iter().zip("ANUX".chars()) {
            let key = Nkey::new(kind, [0x5a; 32]);
            assert!(key.to_string().starts_with(letter), "{key}");
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn one_character_changed_is_refused() {
        let text = Nkey::new(NkeyKind::User, [7; 32]).to_string();
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(String::from_utf8_lossy(&other).parse::<Nkey>().is_err(), "{at}");
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let text = Nkey::new(NkeyKind::User, [7; 32]).to_string();
        for bad in [String::new(), text.to_lowercase(), format!("{text}="), format!(" {text}"), text[..55].to_owned()] {
            assert!(bad.parse::<Nkey>().is_err(), "{bad}");
        }
        // An operator's key is well formed, but nothing here takes one.
        assert!("OAFAWIQYVZUT4A4RPLQOIA2NSQTZW5WE3CGXLM7R4RQDXWV3M4WK2KA5".parse::<Nkey>().is_err());
    }
}
