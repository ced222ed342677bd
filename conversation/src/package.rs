//! Key packages (RFC 9420 section 10): what lets a device be taken into a conversation while it is away.
//!
//! The home server hands them out and understands nothing of them, so whoever uses one judges it whole.

use kez_core::{KeyId, Timestamp};
use mls_rs::CipherSuiteProvider as _;

use crate::context::EXTENSION;
use crate::crypto::{Provider, SUITE};
use crate::facts::Facts;
use crate::leaf::{LAST_RESORT, Leaf};

mod read;

use read::Read;

/// The longest time between the two ends of a package's lifetime, in seconds: 85 days.
pub const MAX_LIFETIME_SECS: u64 = 85 * 86_400;
/// How far ahead of the own clock a package's lifetime may begin, in seconds.
pub const CLOCK_MARGIN_SECS: u64 = 3_600;
/// The lifetime of packages that are made here, in seconds, of which the first hour is past.
pub(crate) const LIFETIME_SECS: u64 = 84 * 86_400;
/// A package's smallest and largest size in bytes.
pub const PACKAGE_BYTES: std::ops::RangeInclusive<usize> = 64..=4_096;

/// Why a package is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not one key package of MLS 1.0 in suite 3 and nothing else, or not 64 to 4,096 bytes.
    #[error("not a key package")]
    Form,
    /// Its leaf's credential, capabilities or extensions are not those of a conversation.
    #[error("a leaf that is none of a conversation")]
    Leaf,
    /// The leaf is of another device than the package was given for.
    #[error("a package of another device")]
    Device,
    /// The device is not an active one of a live identity.
    #[error("a device that one does not encrypt to")]
    NotGood,
    /// A signature does not hold.
    #[error("a signature that does not hold")]
    Signature,
    /// Not valid yet, not any longer, or for too long.
    #[error("a lifetime that does not hold now")]
    Lifetime,
    /// It says of itself that it may be used again, and was given as a one-time package, or the other way round.
    #[error("a package that is marked wrongly")]
    Marked,
}

/// Judges a package that was given for `device` of the identity that `facts` are of.
///
/// # Errors
/// The first [`Refusal`] in the order of that type.
pub fn judge(bytes: &[u8], device: &KeyId, facts: &Facts, last_resort: bool, now: Timestamp) -> Result<(), Refusal> {
    if !PACKAGE_BYTES.contains(&bytes.len()) {
        return Err(Refusal::Form);
    }
    let package = Read::parse(bytes).ok_or(Refusal::Form)?;
    if package.suite != SUITE {
        return Err(Refusal::Form);
    }
    let leaf = Leaf::read(&package.identity).map_err(|_| Refusal::Leaf)?;
    let marks: Vec<u16> = package.extensions.clone();
    if !Leaf::has_capabilities(&package.capabilities)
        || package.leaf_extensions
        || marks.iter().any(|m| *m != LAST_RESORT)
    {
        return Err(Refusal::Leaf);
    }
    if leaf.device != *device || leaf.chain != facts.chain {
        return Err(Refusal::Device);
    }
    if !facts.is_good(device) {
        return Err(Refusal::NotGood);
    }
    let provider = Provider::new(Default::default());
    let holds = |label: &str, content: &[u8], signature: &[u8]| {
        provider.verify(&package.identity.signature_key, signature, &labelled(label, content)).is_ok()
    };
    if !holds("LeafNodeTBS", package.leaf_signed, package.leaf_signature)
        || !holds("KeyPackageTBS", package.signed, package.signature)
    {
        return Err(Refusal::Signature);
    }
    let now = u64::try_from(now.unix()).unwrap_or(0);
    let (from, to) = package.lifetime;
    if from > now.saturating_add(CLOCK_MARGIN_SECS) || now >= to || to - from.min(to) > MAX_LIFETIME_SECS {
        return Err(Refusal::Lifetime);
    }
    if last_resort == marks.is_empty() { Err(Refusal::Marked) } else { Ok(()) }
}

/// What is signed in place of `content` (RFC 9420 section 5.1.2).
fn labelled(label: &str, content: &[u8]) -> Vec<u8> {
    let label = format!("MLS 1.0 {label}");
    let mut out = read::vector(label.as_bytes());
    out.extend(read::vector(content));
    out
}

/// The extensions that all leaves say they can deal with.
pub(crate) fn extensions() -> [mls_rs::extension::ExtensionType; 2] {
    [EXTENSION, mls_rs::extension::ExtensionType::new(LAST_RESORT)]
}
