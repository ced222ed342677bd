//! Recovery words as they leave the page: whose they are, from when, and whether they work is beside them on every sheet.

use kez_core::recovery;
use kez_core::{Handle, Timestamp};
use zeroize::Zeroizing;

use super::draft::Draft;
use crate::components::day;
use crate::place::server_name;

/// Whose words they are, and since when there are such.
pub(super) fn title(handle: &Handle, made_at: Timestamp) -> String {
    format!("Recovery words of {}", whose(handle, made_at))
}

fn whose(handle: &Handle, made_at: Timestamp) -> String {
    format!("{handle}@{}, made on {}", server_name(), day(made_at))
}

/// The text of a file, wiped when dropped.
pub(super) fn file(draft: &Draft, is_active: bool) -> Zeroizing<String> {
    let Draft { identity, words, made_at, .. } = draft;
    let state = if is_active {
        "Active: with these words you get the identity back on any browser."
    } else {
        "NOT ACTIVE YET: these words do nothing so far. Go back to the page that shows them and finish there."
    };
    recovery::sheet(words, Some(&format!("{}\n{state}", whose(&identity.handle, *made_at))))
}
