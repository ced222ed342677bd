//! A profile's chain: whether it leads to the key shown, what its owner should be warned of, and its history.

use kez_core::sigchain::{Body, RECOVERY_WINDOW_SECS};
use kez_core::{Handle, KeyId, Timestamp};

use super::fetch::{Fetched, Trouble};
use super::{claim_items, history};
use crate::api;
use crate::browser::{self, mark, tell};
use crate::components::day;

/// What a chain says of the card on a profile page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Card {
    /// The log leads from the key that took the name to the key shown.
    Leads,
    /// It does not; this is what differs.
    Differs(String),
    /// It could not be had; this is what to do.
    Unknown(String),
}

/// Verifies the chain of `handle` and shows it.
pub(super) async fn check(handle: &Handle, shown: &KeyId, signer: &KeyId) -> Card {
    let holder = match api::lookup(handle, None).await {
        Ok(holder) => holder,
        Err(failure) => return Card::Unknown(failure.advice()),
    };
    let fetched = match Fetched::of(&holder).await {
        Ok(fetched) => fetched,
        Err(trouble @ (Trouble::Api(_) | Trouble::TooMuch(_) | Trouble::MovedOn)) => {
            return Card::Unknown(trouble.advice());
        }
        Err(trouble) => return Card::Differs(trouble.advice()),
    };
    let Some(state) = fetched.chain.state() else {
        return Card::Differs("This page says that there is a log of keys, and the server has none.".to_owned());
    };
    if !fetched.chain.had_primary(signer) {
        return Card::Differs(format!(
            "The name was taken by a key that was never this identity's: {signer}. Its log of keys is another's."
        ));
    }
    if state.primary != *shown {
        return Card::Differs(format!(
            "The log of keys leads to {}, and this page shows another key. If it was changed just now, load the page again.",
            state.primary
        ));
    }
    claim_items::show(handle, &fetched);
    history::show(warn(&fetched), fetched);
    Card::Leads
}

/// Warns of a key that was changed so lately that its owner could still undo it; says that the log was verified.
fn warn(fetched: &Fetched) -> String {
    let now = browser::now();
    let rotated =
        fetched.told.iter().rev().find(|told| matches!(told.body, Body::RotatePrimary { .. }) && fetched.holds(told));
    if let Some(told) = rotated.filter(|told| now.abs_diff(told.received_at) < RECOVERY_WINDOW_SECS) {
        let before = told.seq.checked_sub(1).and_then(|seq| fetched.chain.state_at(seq));
        let is_last_word = before.is_some_and(|before| before.rotation_keys.first() == Some(&told.signer));
        let end = if is_last_word {
            "The key that signed this ranks highest, so nobody can undo it.".to_owned()
        } else {
            let until = day(told.received_at.after(RECOVERY_WINDOW_SECS));
            format!("Until {until} its owner can still undo that, if it was a thief.")
        };
        let ago = ago(now, told.received_at);
        tell(
            "profile-fresh",
            &format!(
                "The key of this identity was changed {ago}. {end} Before you rely on it, ask the owner by another way."
            ),
        );
        mark("profile-fresh", "hidden", None);
    }
    let count = fetched.told.len();
    let events = if count == 1 { "event" } else { "events" };
    format!(
        "Your browser verified {count} {events} just now: every signature, and that nothing was left out between them."
    )
}

/// How long ago, as people say it.
fn ago(now: Timestamp, then: Timestamp) -> String {
    match now.abs_diff(then) / 3_600 {
        0 => "within the last hour".to_owned(),
        1 => "an hour ago".to_owned(),
        hours => format!("{hours} hours ago"),
    }
}
