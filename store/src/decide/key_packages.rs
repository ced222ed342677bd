//! Key packages: what is taken in, what is given away, and when that is too often.

use std::collections::HashSet;

use kez_core::key_packages::{AdmittedClaim, AdmittedUpload};
use kez_core::{Hash, KeyId, Timestamp};

use super::recent::{DAY, HOUR, Recent};
use super::standing::Standing;
use crate::key_packages::{ClaimRefusal, Held, Limits, UploadRefusal, Uploaded};

/// How long a package is kept, and known again, in seconds: no claimer takes one that is older than 85 days.
pub(crate) const KEPT: i64 = 100 * DAY;

/// What is stored about an upload's device at the moment of the decision.
#[derive(Clone, Debug, Default)]
pub(crate) struct UploadView {
    /// Whether the signer stands for the chain, which has a live handle here and is in use.
    pub(crate) is_authorised: bool,
    /// Whether this envelope was accepted before.
    pub(crate) is_seen: bool,
    pub(crate) held: Held,
    /// The listed packages that are known here, each with whether it waits.
    pub(crate) known: Vec<(Hash, bool)>,
    pub(crate) uploads: Recent,
}

/// What comes of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) uploaded: Uploaded,
    /// Which of its packages are stored, by their places in it, with their hashes.
    pub(crate) stored: Vec<(usize, Hash)>,
}

/// Decides an upload, in the protocol's order.
pub(crate) fn upload(
    view: &UploadView,
    upload: &AdmittedUpload,
    now: Timestamp,
    limits: &Limits,
) -> Result<Upload, UploadRefusal> {
    if !view.is_authorised {
        return Err(UploadRefusal::NotAuthorised);
    }
    if view.is_seen {
        return Ok(Upload { uploaded: Uploaded { held: view.held, is_new: false }, stored: Vec::new() });
    }
    let mut listed: HashSet<Hash> = view.known.iter().map(|(hash, _)| *hash).collect();
    let hashes = upload.packages.iter().map(kez_core::key_packages::KeyPackage::hash);
    let stored: Vec<(usize, Hash)> = hashes.enumerate().filter(|(_, hash)| listed.insert(*hash)).collect();
    let listed_waiting = view.known.iter().filter(|(_, is_waiting)| *is_waiting).count() as u64;
    let stay = if upload.replace { listed_waiting } else { view.held.available };
    let available = stay + stored.len() as u64;
    if available > limits.waiting {
        return Err(UploadRefusal::TooMany);
    }
    if let Some(wait) = view.uploads.wait(limits.uploads_per_hour, HOUR, now) {
        return Err(UploadRefusal::TooOften(wait));
    }
    let has_last_resort = upload.last_resort.is_some() || view.held.has_last_resort && !upload.replace;
    Ok(Upload { uploaded: Uploaded { held: Held { available, has_last_resort }, is_new: true }, stored })
}

/// What is stored about the device that a package is wanted of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeviceView {
    /// Whether a one-time package waits.
    pub(crate) is_waiting: bool,
    pub(crate) has_last_resort: bool,
    /// One-time packages that the claimer got of it in the last day.
    pub(crate) draws: u64,
}

/// What a claim gets of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gets {
    /// The one-time package that waits longest.
    OneTime,
    /// The one of last resort.
    LastResort,
    /// None: it has none.
    Nothing,
}

/// Decides a claim that was not answered before, in the protocol's order; gives what it gets of each wanted device that is
/// active. `device` tells about one.
pub(crate) fn claim(
    claim: &AdmittedClaim,
    from: &Standing,
    to: &Standing,
    claims: &Recent,
    device: impl Fn(&KeyId) -> DeviceView,
    now: Timestamp,
    limits: &Limits,
) -> Result<Vec<(KeyId, Gets)>, ClaimRefusal> {
    if !from.is_spoken_for_by(&claim.signer) {
        return Err(ClaimRefusal::NotAuthorised);
    }
    let active = match to {
        Standing::Live(keys) => keys,
        Standing::Released(at) => return Err(ClaimRefusal::Gone(*at)),
        Standing::Unknown => return Err(ClaimRefusal::NotFound),
    };
    if let Some(wait) = claims.wait(limits.claims_per_hour, HOUR, now) {
        return Err(ClaimRefusal::TooOften(wait));
    }
    let is_own = claim.from == claim.to;
    let gets = |key: KeyId| {
        let view = device(&key);
        let gets = match view {
            DeviceView { is_waiting: true, draws, .. } if is_own || draws < limits.draws_per_day => Gets::OneTime,
            DeviceView { has_last_resort: true, .. } => Gets::LastResort,
            _ => Gets::Nothing,
        };
        (key, gets)
    };
    Ok(wanted(claim, active).map(gets).collect())
}

/// The wanted devices that are active.
pub(crate) fn wanted<'a>(claim: &'a AdmittedClaim, active: &'a [KeyId]) -> impl Iterator<Item = KeyId> + 'a {
    let (named, all) = if claim.devices.is_empty() { (active, true) } else { (claim.devices.as_slice(), false) };
    named.iter().copied().filter(move |key| all || active.contains(key))
}
