//! Taking and releasing a handle: the checks that depend on what is stored, in the protocol's order.

use kez_core::{Admitted, ChainStanding, Handle, KeyId, ServerName, Timestamp};

use crate::handles::{Registered, Release, Row};
use crate::{conversations, instances, key_packages};

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// This server's name: chains whose home is elsewhere stand for nobody here.
    pub server: ServerName,
    /// How long a released handle is kept for the identity that had it, in seconds.
    pub release_hold_secs: i64,
    /// How many key packages are taken, and given away.
    pub key_packages: key_packages::Limits,
    /// How many conversations are started, and how much of them is kept.
    pub conversations: conversations::Limits,
    /// How often devices begin another life of their state.
    pub instances: instances::Limits,
}

/// What is stored about a claim's handle, key and envelope at the moment of the decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) row: Option<&'a Row>,
    pub(crate) live_handle_of_key: Option<&'a Handle>,
    /// Whether the key is or was the chain key, a primary or a device in the chain of a live handle.
    pub(crate) is_bound: bool,
    /// The chain that the key began, if it began one.
    pub(crate) own_chain: Option<&'a OwnChain>,
    /// Whether a key that stands for the chain that would be [`resumed`] owns the live handle of another identity, or
    /// stands for it.
    pub(crate) stands_elsewhere: bool,
    pub(crate) seen: bool,
}

/// A chain, for the key that began it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnChain {
    pub(crate) primary: KeyId,
    pub(crate) standing: ChainStanding,
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
pub(crate) fn register(
    view: View<'_>,
    admitted: &Admitted,
    now: Timestamp,
    policy: &Policy,
) -> Result<Registered, Refusal> {
    if let Some(row) = view.row.filter(|row| row.released.is_none() && row.primary == admitted.primary) {
        return Ok(Registered { row: row.clone(), created: false });
    }
    if view.seen {
        return Err(Refusal::Replayed);
    }
    let free = match view.row {
        None => true,
        Some(Row { released: None, .. }) => false,
        Some(Row { released: Some(release), primary, chain_primary, .. }) => {
            // Whoever the chain speaks for now: an owner who recovers gets back what a thief released, and a key that was
            // rotated away since is another key.
            let has_right = chain_primary.unwrap_or(*primary) == admitted.primary;
            has_right || now.unix() - release.at.unix() >= policy.release_hold_secs
        }
    };
    if !free {
        return Err(Refusal::HandleTaken);
    }
    if view.live_handle_of_key.is_some() || view.is_bound {
        return Err(Refusal::KeyAlreadyRegistered);
    }
    // The identity that had the handle goes on where it was.
    let resumed = view.row.filter(|row| row.chain_primary == Some(admitted.primary));
    if resumed.is_none() && view.own_chain.is_some_and(|chain| chain.primary != admitted.primary) {
        // Its chain speaks for another key now.
        return Err(Refusal::KeyAlreadyRegistered);
    }
    if view.stands_elsewhere {
        // With the chain, all of its keys would stand for a live handle again, and one of them for two.
        return Err(Refusal::KeyAlreadyRegistered);
    }
    let fresh = ChainStanding { chain: admitted.primary, head: None, active: true };
    let begun = view.own_chain.map_or(fresh, |chain| chain.standing);
    let row = Row {
        handle: admitted.handle.clone(),
        primary: admitted.primary,
        standing: resumed.map_or(begun, |row| row.standing),
        chain_primary: (resumed.is_some() || view.own_chain.is_some()).then_some(admitted.primary),
        registered_at: now,
        registration: admitted.envelope.clone(),
        released: None,
    };
    Ok(Registered { row, created: true })
}

/// The chain that a registration would take up again: the one that the handle belongs to, if it speaks for the key, or else
/// the one that the key began, if that still does.
pub(crate) fn resumed(row: Option<&Row>, own: Option<&OwnChain>, admitted: &Admitted) -> Option<KeyId> {
    let of_handle = row.filter(|row| row.chain_primary == Some(admitted.primary)).map(|row| row.standing.chain);
    of_handle.or_else(|| own.filter(|chain| chain.primary == admitted.primary).map(|chain| chain.standing.chain))
}

/// The stored part of a release's checks; gives the row as it is afterwards.
pub(crate) fn release(view: View<'_>, admitted: &Admitted, now: Timestamp) -> Result<Row, Refusal> {
    if view.seen {
        return Err(Refusal::Replayed);
    }
    let row = view.row.ok_or(Refusal::NotFound)?;
    if row.released.is_some() {
        return Err(Refusal::Gone);
    }
    if row.primary != admitted.primary {
        return Err(Refusal::KeyMismatch);
    }
    Ok(Row { released: Some(Release { at: now, envelope: admitted.envelope.clone() }), ..row.clone() })
}
