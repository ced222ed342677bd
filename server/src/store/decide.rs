//! The checks that depend on what is stored, as pure functions, in the protocol's order.

use kez_core::{Claim, Handle, Timestamp};

use super::{Registered, Release, Row};

/// What the operator decided.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How long a released handle is kept for the key that released it, in seconds.
    pub release_hold_secs: i64,
}

/// What is stored about a claim's handle, key and envelope at the moment of the decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) row: Option<&'a Row>,
    pub(super) live_handle_of_key: Option<&'a Handle>,
    pub(super) seen: bool,
}

/// Why a well-signed claim is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This envelope was accepted before.
    Replayed,
    /// Another key has the handle, or released it not long ago.
    HandleTaken,
    /// The key has another handle.
    KeyAlreadyRegistered,
    /// The handle was never registered.
    NotFound,
    /// The handle is released already.
    Gone,
    /// Another key owns the handle.
    KeyMismatch,
}

/// Checks 9 to 11 of a registration.
pub(super) fn register(view: View<'_>, claim: &Claim, now: Timestamp, policy: Policy) -> Result<Registered, Refusal> {
    if let Some(row) = view.row.filter(|row| row.released.is_none() && row.primary == claim.primary) {
        return Ok(Registered { row: row.clone(), created: false });
    }
    if view.seen {
        return Err(Refusal::Replayed);
    }
    let free = match view.row {
        None => true,
        Some(Row { released: None, .. }) => false,
        Some(Row { released: Some(release), primary, .. }) => {
            *primary == claim.primary || now.unix() - release.at.unix() >= policy.release_hold_secs
        }
    };
    if !free {
        return Err(Refusal::HandleTaken);
    }
    if view.live_handle_of_key.is_some() {
        return Err(Refusal::KeyAlreadyRegistered);
    }
    let row = Row {
        handle: claim.handle.clone(),
        primary: claim.primary,
        registered_at: now,
        registration: claim.envelope.clone(),
        released: None,
    };
    Ok(Registered { row, created: true })
}

/// The stored part of a release's checks; gives the row as it is afterwards.
pub(super) fn release(view: View<'_>, claim: &Claim, now: Timestamp) -> Result<Row, Refusal> {
    if view.seen {
        return Err(Refusal::Replayed);
    }
    let row = view.row.ok_or(Refusal::NotFound)?;
    if row.released.is_some() {
        return Err(Refusal::Gone);
    }
    if row.primary != claim.primary {
        return Err(Refusal::KeyMismatch);
    }
    Ok(Row { released: Some(Release { at: now, envelope: claim.envelope.clone() }), ..row.clone() })
}
