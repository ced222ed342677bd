//! Who may sign what, judged against the state before the event.

use super::Reason;
use super::body::Body;
use super::event::Event;
use super::state::State;

/// The checks between the fork and the body's own: an unknown type, a deactivated chain, the signer.
pub(super) fn check(event: &Event, before: &State) -> Result<(), Reason> {
    if matches!(event.body, Body::Unlisted { critical, .. } if critical != Some(false)) {
        return Err(Reason::UnknownCriticalType);
    }
    if !before.active {
        return Err(Reason::Deactivated);
    }
    if before.revoked.contains_key(&event.signer) {
        return Err(Reason::KeyRevoked);
    }
    // The primary is always one of the rotation keys.
    let is_rotation_key = before.rotation_keys.contains(&event.signer);
    let is_device = before.devices.contains_key(&event.signer);
    let may = match &event.body {
        Body::ClaimAdd { .. } | Body::ClaimRemove { .. } | Body::Unlisted { .. } => is_rotation_key || is_device,
        Body::RevokeKey { key, .. } => is_rotation_key || (is_device && *key == event.signer),
        _ => is_rotation_key,
    };
    if may { Ok(()) } else { Err(Reason::KeyNotAuthorised) }
}
