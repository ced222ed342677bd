//! The browser's own interfaces, as thin as they go. Compiled for the server too, so that the islands need no second
//! spelling of themselves there, but never run: islands act in event handlers and effects, and a server has neither.

mod clock;
mod fetch;
mod page;

pub(crate) use clock::{now, sleep};
pub(crate) use fetch::{AbortOnDrop, Answer, Offline, get, post_json};
pub(crate) use page::{copy, draw, focus, reveal, text_of};
