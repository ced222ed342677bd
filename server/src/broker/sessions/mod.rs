//! The sessions that the broker has open: how many of whom, and ending them.

mod events;
mod held;
mod list;
mod share;

pub(super) use events::{verify, watch};
pub(super) use held::{Full, Held, Sessions};
pub(super) use list::{Session, busiest, kick, kick_all, list};
pub(super) use share::{Shared, hear, tell};
