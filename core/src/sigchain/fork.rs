//! Recovery forks: a rotation that takes the place of events that stand in the chain already.

use super::body::Body;
use super::event::Event;
use super::link::Link;
use super::state::State;
use super::undo::Undo;
use super::{RECOVERY_WINDOW_SECS, Reason};
use crate::time::Timestamp;

/// Judges a fork that would displace these events, of which there is at least one, and returns the state before them.
/// `now` is the state behind them.
pub(super) fn check(event: &Event, received_at: Timestamp, displaced: &[Link], now: &State) -> Result<State, Reason> {
    if !matches!(event.body, Body::RotatePrimary { .. }) {
        return Err(Reason::ForkNotRotation);
    }
    // The rotation keys there are those that the first displaced rotation replaced.
    let replaced = displaced.iter().find_map(|link| match &link.undo {
        Undo::Rotated(before) => Some(&before.rotation_keys),
        _ => None,
    });
    let authority = replaced.unwrap_or(&now.rotation_keys);
    let rank = |key| authority.iter().position(|rotation_key| rotation_key == key);
    let own = rank(&event.signer).ok_or(Reason::KeyNotAuthorised)?;
    if displaced.iter().any(|link| rank(&link.signer).is_some_and(|other| other <= own)) {
        return Err(Reason::InsufficientAuthority);
    }
    let first = displaced.first().map_or(received_at, |link| link.received_at);
    if received_at.abs_diff(first) > RECOVERY_WINDOW_SECS {
        return Err(Reason::RecoveryWindowClosed);
    }
    Ok(state_before(displaced, now))
}

/// The state before these events, the last of which led to `now`.
pub(super) fn state_before(events: &[Link], now: &State) -> State {
    let mut state = now.clone();
    for link in events.iter().rev() {
        link.undo.undo(&mut state, &link.id);
    }
    state
}
