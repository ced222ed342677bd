//! A key package taken apart: the library shows neither when one begins to be valid nor what exactly was signed.

use mls_rs::identity::SigningIdentity;
use mls_rs::mls_rs_codec::MlsDecode as _;
use mls_rs::{CipherSuite, ProtocolVersion};
use mls_rs_core::group::Capabilities;

/// The parts of `MLSMessage { version = mls10, wire_format = mls_key_package, KeyPackage }` that are judged.
pub(super) struct Read<'a> {
    pub(super) suite: CipherSuite,
    pub(super) identity: SigningIdentity,
    pub(super) capabilities: Capabilities,
    /// Seconds since 1970: valid from, and no longer at.
    pub(super) lifetime: (u64, u64),
    /// Whether the leaf has extensions of its own.
    pub(super) leaf_extensions: bool,
    pub(super) leaf_signed: &'a [u8],
    pub(super) leaf_signature: &'a [u8],
    /// The package's extensions, by type.
    pub(super) extensions: Vec<u16>,
    pub(super) signed: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Read<'a> {
    /// None for what is no such message, or is followed by anything.
    pub(super) fn parse(message: &'a [u8]) -> Option<Read<'a>> {
        // Version 1, wire format 5.
        let whole = message.strip_prefix(&[0, 1, 0, 5])?;
        let mut rest = whole;
        let version = ProtocolVersion::from(u16_of(&mut rest)?);
        let suite = CipherSuite::from(u16_of(&mut rest)?);
        if version != ProtocolVersion::MLS_10 {
            return None;
        }
        bytes(&mut rest)?;
        let leaf = rest;
        bytes(&mut rest)?;
        let identity = SigningIdentity::mls_decode(&mut rest).ok()?;
        let capabilities = Capabilities::mls_decode(&mut rest).ok()?;
        // The leaf's source: 1 for a key package, with its lifetime.
        if take(&mut rest, 1)? != [1] {
            return None;
        }
        let lifetime = (u64_of(&mut rest)?, u64_of(&mut rest)?);
        let leaf_extensions = !bytes(&mut rest)?.is_empty();
        let leaf_signed = &leaf[..leaf.len() - rest.len()];
        let leaf_signature = bytes(&mut rest)?;
        let mut listed = bytes(&mut rest)?;
        let mut extensions = Vec::new();
        while !listed.is_empty() {
            extensions.push(u16_of(&mut listed)?);
            bytes(&mut listed)?;
        }
        let signed = &whole[..whole.len() - rest.len()];
        let signature = bytes(&mut rest)?;
        rest.is_empty().then_some(Read {
            suite,
            identity,
            capabilities,
            lifetime,
            leaf_extensions,
            leaf_signed,
            leaf_signature,
            extensions,
            signed,
            signature,
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn u16_of(rest: &mut &[u8]) -> Option<u16> {
    take(rest, 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn u64_of(rest: &mut &[u8]) -> Option<u64> {
    take(rest, 8)?.try_into().ok().map(u64::from_be_bytes)
}

/// A variable-size vector (RFC 9420 section 2.1.2): the first two bits say how many bytes its length has.
fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let first = *rest.first()?;
    let size = match first >> 6 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return None,
    };
    let length = take(rest, size)?.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
    take(rest, length & ((1 << (8 * size - 2)) - 1))
}

/// The inverse of [`bytes`], for lengths below 2^30.
pub(super) fn vector(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut out = match length {
        0..0x40 => vec![length.to_be_bytes()[3]],
        0x40..0x4000 => (length | 0x4000).to_be_bytes()[2..].to_vec(),
        _ => (length | 0x8000_0000).to_be_bytes().to_vec(),
    };
    out.extend_from_slice(content);
    out
}
