//! The history of an identity's keys, as people read it.
//!
//! For tests: `#history` with `data-state=verified`; each event is `#history-events > li` with `data-event` (its type),
//! `data-seq`, `data-id` and, when it was displaced, `data-nullified`; the newest is first, and after 50 comes the button
//! `Show all <n> events`.

use std::rc::Rc;

use kez_core::KeyId;
use kez_core::sigchain::{Body, RevokeReason};

use super::claim_items;
use super::fetch::{Fetched, Told};
use super::markup::{button, escape, theirs};
use crate::browser::{self, draw, mark, tell};
use crate::components::{day, picture};

/// Events that are shown before somebody wants all.
const FIRST: usize = 50;

/// Draws the history, which was verified in the words of `verified`.
pub(super) fn show(verified: String, fetched: Fetched) {
    let fetched = Rc::new(fetched);
    tell("history-says", &verified);
    draw_some(&fetched, FIRST);
    mark("history", "data-state", Some("verified"));
    mark("history", "hidden", None);
    browser::on_press("history", move |_| draw_some(&fetched, usize::MAX));
}

fn draw_some(fetched: &Fetched, most: usize) {
    let events: String = fetched.told.iter().rev().take(most).map(|told| event(fetched, told)).collect();
    draw("history-events", &events);
    let count = fetched.told.len();
    let more = if count > most {
        button("button secondary", "all", "", &format!("Show all {count} events"))
    } else {
        String::new()
    };
    draw("history-more", &more);
}

fn event(fetched: &Fetched, told: &Told) -> String {
    let Told { id, seq, signer, body, received_at } = told;
    let (says, about) = say(fetched, told);
    let (nullified, undone) = if fetched.holds(told) {
        ("", String::new())
    } else {
        (" data-nullified", "<strong class=\"undone\">Undone by a recovery.</strong> ".to_owned())
    };
    let about = about.map(|key| format!("<span class=\"event-key\">{}</span>", picture(&key))).unwrap_or_default();
    format!(
        "<li data-event=\"{}\" data-seq=\"{seq}\" data-id=\"{id}\"{nullified}>{about}<div><p>{undone}<span class=\"event-says\">{says}</span></p>\
         <p class=\"quiet\">{} · event {seq} · signed by <code>{}…</code></p></div></li>",
        escape(body.name()),
        day(*received_at),
        &signer.hex()[..8],
    )
}

/// What an event did, as markup, and the key that it is about.
pub(super) fn say(fetched: &Fetched, told: &Told) -> (String, Option<KeyId>) {
    match &told.body {
        Body::Genesis { primary, rotation_keys, .. } => {
            let says = match rotation_keys.len() {
                1 => "The identity began, with this key alone.".to_owned(),
                2 => "The identity began, with this key and a recovery key.".to_owned(),
                keys => format!("The identity began, with this key and {} others that can recover it.", keys - 1),
            };
            (says, Some(*primary))
        }
        Body::AddDeviceKey { key, .. } => ("A device was added.".to_owned(), Some(*key)),
        Body::RevokeKey { key, reason } => {
            let why = match reason {
                RevokeReason::Lost => "it was lost",
                RevokeReason::Compromised => "somebody else had it",
                RevokeReason::Retired => "it is no longer used",
            };
            (format!("A device was removed: {why}."), Some(*key))
        }
        Body::RotatePrimary { primary, .. } => {
            let says = match fetched.displaced_by(&told.id) {
                0 => "The identity's key was changed to this one.".to_owned(),
                1 => "The identity was recovered: this is its key, and one event was undone.".to_owned(),
                many => format!("The identity was recovered: this is its key, and {many} events were undone."),
            };
            (says, Some(*primary))
        }
        Body::ClaimAdd { claim } => {
            let says = match claim_items::about(claim) {
                Some(about) => format!("Claimed: {about}."),
                None => format!("Claimed what nobody can check: {}.", claim_items::words(claim)),
            };
            (says, None)
        }
        Body::ClaimRemove { .. } => ("A claim was withdrawn.".to_owned(), None),
        Body::ServerMove { to, .. } => (format!("The identity moved to {}.", theirs(to.as_str())), None),
        Body::Deactivate { .. } => ("The identity was ended by its owner.".to_owned(), None),
        Body::Unlisted { .. } => {
            ("An event of a kind that this page does not know; it changes no key.".to_owned(), None)
        }
    }
}
