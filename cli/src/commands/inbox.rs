//! `kez inbox`: contact requests, to and from other identities of the same home server.

pub(super) mod arrived;
pub(super) mod backoff;
pub(super) mod identity;
pub(super) mod outage;
pub(super) mod refusal;
pub(super) mod send;
pub(super) mod senders;
pub(super) mod stop;
mod watch;

use super::place::Place;
use crate::args::{InboxCommand, KeyArgs};
use crate::failure::Failure;

/// Runs the command.
pub(super) fn run(keys: &KeyArgs, command: InboxCommand) -> Result<(), Failure> {
    match command {
        InboxCommand::Watch { broker, count, timeout, no_ack } => {
            watch::run(Place::find(keys, broker)?, &watch::Wanted { count, timeout, keep: no_ack })
        }
        InboxCommand::Send { to, broker } => send::run(Place::find(keys, broker)?, &to),
    }
}
