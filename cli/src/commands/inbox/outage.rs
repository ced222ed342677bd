//! A connection that ended, and is not there again yet.

use crate::failure::{Failure, Local};
use crate::output;

/// How many logins in a row may be refused to a key that was let in before: a server that restarts answers nobody for a
/// moment, and its broker refuses everybody meanwhile.
const REFUSALS: u32 = 6;

/// The time since a connection ended for which there is no new one.
#[derive(Default)]
pub(in crate::commands) struct Outage {
    is_told: bool,
    refusals: u32,
}

impl Outage {
    /// An attempt to connect failed: tells so once, and gives up when the key is refused for good.
    pub(in crate::commands) fn goes_on(&mut self, failure: Failure) -> Result<(), Failure> {
        self.refusals += u32::from(failure.is_local(Local::BrokerRefused));
        if self.refusals == REFUSALS {
            return Err(failure);
        }
        if !self.is_told {
            output::warn(&format!("The connection is lost, and there is no new one yet. {}", failure.detail));
            self.is_told = true;
        }
        Ok(())
    }
}
