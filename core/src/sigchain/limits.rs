//! How much a server takes. Verification has no such limits: a log that is longer is still a log.

use super::Reason;
use super::body::Body;
use super::chain::{Chain, Step};
use super::undo::Undo;

/// Entries of an audit log.
pub const MAX_ENTRIES: usize = 10_000;
/// Entries of an audit log that one device signs.
pub const MAX_PER_DEVICE: usize = 1_000;
/// Active devices.
pub const MAX_DEVICES: usize = 64;
/// Current claims.
pub const MAX_CLAIMS: usize = 64;
/// Unlisted events in the chain.
pub const MAX_UNLISTED: usize = 64;

impl Chain {
    /// Whether a server should take this step, which passed every check. Recovering, revoking, removing and
    /// deactivating with a rotation key is never refused, so that a thief cannot lock the owner out.
    ///
    /// # Errors
    /// [`Reason::LimitReached`].
    pub fn within_limits(&self, step: &Step) -> Result<(), Reason> {
        let Some(before) = self.before(step) else { return Ok(()) };
        let (event, signer) = (step.event(), &step.event().signer);
        let frees = matches!(
            event.body,
            Body::RotatePrimary { .. } | Body::RevokeKey { .. } | Body::ClaimRemove { .. } | Body::Deactivate { .. }
        );
        if frees && before.rotation_keys.contains(signer) {
            return Ok(());
        }
        let is_full = match event.body {
            Body::AddDeviceKey { .. } => before.devices.len() >= MAX_DEVICES,
            Body::ClaimAdd { .. } => before.claims.len() >= MAX_CLAIMS,
            Body::Unlisted { .. } => {
                self.links().iter().filter(|link| matches!(link.undo, Undo::Unlisted)).count() >= MAX_UNLISTED
            }
            _ => false,
        };
        let device_is_done = before.devices.contains_key(signer) && self.signed_by(signer) >= MAX_PER_DEVICE;
        if is_full || device_is_done || self.entries() >= MAX_ENTRIES { Err(Reason::LimitReached) } else { Ok(()) }
    }
}
