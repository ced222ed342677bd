//! A verified chain as bytes, so that what was verified once need not be verified again.
//!
//! Fields stand one behind the other, numbers as 8 bytes with the lowest first, lists and texts behind their length. There
//! is no room for another version of it: bytes of another one are not read.

use std::str::FromStr as _;

use super::body::RevokeReason;
use super::chain::{Chain, Standing};
use super::claim::Claim;
use super::enc_key::EncKey;
use super::keyring::Keyring;
use super::link::Link;
use super::state::{Device, Revocation, RevokedFor, State};
use super::undo::{Rotated, Undo};
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;
use crate::sorted::Sorted;
use crate::time::Timestamp;

/// Changes with the bytes.
const VERSION: u8 = 1;

impl Chain {
    /// The chain as bytes, for [`Chain::thaw`].
    #[must_use]
    pub fn freeze(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        self.put(&mut bytes);
        bytes
    }

    /// The chain that [`Chain::freeze`] made these bytes of; none when another version of it did. The bytes prove nothing:
    /// whoever believes them has to know that nobody changed them.
    #[must_use]
    pub fn thaw(bytes: &[u8]) -> Option<Chain> {
        let (version, mut bytes) = bytes.split_first()?;
        let chain = if *version == VERSION { Chain::take(&mut bytes)? } else { return None };
        bytes.is_empty().then_some(chain)
    }
}

/// What can be written to bytes, and read from the front of some.
trait Frozen: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(bytes: &mut &[u8]) -> Option<Self>;
}

/// Structs, field by field.
macro_rules! fields {
    ($($name:ident { $($field:ident),* $(; $($rest:ident: $value:expr),*)? })*) => {$(
        impl Frozen for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(bytes: &mut &[u8]) -> Option<Self> {
                $(let $field = Frozen::take(bytes)?;)*
                Some($name { $($field),* $(, $($rest: $value),*)? })
            }
        }
    )*};
}

fields! {
    State { primary, rotation_keys, devices, claims, revoked, server, active }
    Device { added_seq, enc_key }
    Claim { r#type, subject, proof }
    Revocation { seq, reason }
    Link { id, signer, received_at, undo }
    Rotated { primary, rotation_keys }
    // Keys are looked at again when the next event names them.
    Chain {
        id, state, links, standing, nullified, last_received_at, signed, bytes, recent;
        id_text: id.to_string(), keyring: Keyring::default()
    }
}

impl Frozen for Standing {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Standing::InChain(seq) => (0_u8, *seq).put(out),
            Standing::Nullified { by } => (1_u8, *by).put(out),
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(match u8::take(bytes)? {
            0 => Standing::InChain(Frozen::take(bytes)?),
            1 => Standing::Nullified { by: Frozen::take(bytes)? },
            _ => return None,
        })
    }
}

impl Frozen for Undo {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Undo::Genesis => 0_u8.put(out),
            Undo::Unlisted => 1_u8.put(out),
            Undo::DeviceAdded(key) => (2_u8, *key).put(out),
            Undo::DeviceRevoked(key, device) => (3_u8, (*key, *device)).put(out),
            Undo::Rotated(before) => {
                4_u8.put(out);
                before.put(out);
            }
            Undo::ClaimAdded => 5_u8.put(out),
            Undo::ClaimRemoved(removed) => {
                6_u8.put(out);
                removed.put(out);
            }
            Undo::Moved(from) => {
                7_u8.put(out);
                from.put(out);
            }
            Undo::Deactivated => 8_u8.put(out),
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some(match u8::take(bytes)? {
            0 => Undo::Genesis,
            1 => Undo::Unlisted,
            2 => Undo::DeviceAdded(Frozen::take(bytes)?),
            3 => Undo::DeviceRevoked(Frozen::take(bytes)?, Frozen::take(bytes)?),
            4 => Undo::Rotated(Box::new(Frozen::take(bytes)?)),
            5 => Undo::ClaimAdded,
            6 => Undo::ClaimRemoved(Box::new(Frozen::take(bytes)?)),
            7 => Undo::Moved(Box::new(Frozen::take(bytes)?)),
            8 => Undo::Deactivated,
            _ => return None,
        })
    }
}

impl Frozen for RevokedFor {
    fn put(&self, out: &mut Vec<u8>) {
        let place =
            |reason| (1..).zip(RevokeReason::ALL).find(|(_, known)| *known == reason).map_or(0, |(place, _)| place);
        match self {
            RevokedFor::Rotated => 0_u8.put(out),
            RevokedFor::Device(reason) => u8::put(&place(*reason), out),
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        match usize::from(u8::take(bytes)?).checked_sub(1) {
            None => Some(RevokedFor::Rotated),
            Some(place) => RevokeReason::ALL.get(place).copied().map(RevokedFor::Device),
        }
    }
}

impl Frozen for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(*first)
    }
}

impl<const N: usize> Frozen for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(*first)
    }
}

/// What is written as something else.
macro_rules! written_as {
    ($($name:ty, $other:ty, $to:expr, $from:expr;)*) => {$(
        impl Frozen for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let to: fn(&$name) -> $other = $to;
                to(self).put(out);
            }

            fn take(bytes: &mut &[u8]) -> Option<Self> {
                let from: fn($other) -> Option<$name> = $from;
                from(Frozen::take(bytes)?)
            }
        }
    )*};
}

written_as! {
    u64, [u8; 8], |n| n.to_le_bytes(), |bytes| Some(u64::from_le_bytes(bytes));
    usize, u64, |n| *n as u64, |n| usize::try_from(n).ok();
    bool, u8, |is| u8::from(*is), |n| (n < 2).then_some(n == 1);
    Timestamp, [u8; 8], |at| at.unix().to_le_bytes(), |bytes| Some(Timestamp::from_unix(i64::from_le_bytes(bytes)));
    // No other suite comes into a chain.
    KeyId, [u8; 32], |key| *key.as_bytes(), |bytes| Some(KeyId::ed25519(bytes));
    Hash, [u8; 32], |hash| *hash.as_bytes(), |bytes| Some(Hash::from_bytes(bytes));
    EncKey, [u8; 32], |key| *key.as_bytes(), |bytes| Some(EncKey::from_bytes(bytes));
    ServerName, String, |name| name.as_str().to_owned(), |text| ServerName::from_str(&text).ok();
}

impl Frozen for String {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::take(bytes)?;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

impl<T: Frozen> Frozen for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        if bool::take(bytes)? { T::take(bytes).map(Some) } else { Some(None) }
    }
}

impl<A: Frozen, B: Frozen> Frozen for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::take(bytes)?, B::take(bytes)?))
    }
}

impl<T: Frozen> Frozen for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        self.iter().for_each(|item| item.put(out));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::take(bytes)?;
        // Nothing takes less than a byte, so a length that was made up asks for no memory.
        let mut list = Vec::with_capacity(length.min(bytes.len()));
        for _ in 0..length {
            list.push(T::take(bytes)?);
        }
        Some(list)
    }
}

impl<K: Frozen + Ord, V: Frozen> Frozen for Sorted<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        for (key, value) in self.iter() {
            key.put(out);
            value.put(out);
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        Vec::take(bytes).and_then(Sorted::of)
    }
}
