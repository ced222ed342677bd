//! The broker: this browser's connection to the server's broker, as the identity that it holds.
//!
//! What speaks NATS is a bundle of its own (`broker/` at the top of the source tree), loaded when it is first needed.

mod client;
mod link;
mod retry;
mod session;
mod stored;

pub(crate) use self::client::{Connection, Trouble};
pub(crate) use self::link::{Link, State, explain};
pub(crate) use self::session::{Session, View};
pub(crate) use self::stored::Stored;
