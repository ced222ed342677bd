//! Limits by client: how much somebody may ask for in a time, and how much somebody may hold.

mod census;
mod in_flight;
mod rate;
mod weighed;

use std::num::NonZeroU32;
use std::time::Duration;

use http::Method;

use crate::client::Client;

pub use census::Census;
pub use in_flight::{InFlight, NoPermit, Permit};
pub use rate::Rate;
pub(crate) use weighed::weigh;

/// What a client may ask for: so many writes a minute, and so much else a second.
pub struct Limiter {
    writes: Rate,
    reads: Rate,
}

impl Limiter {
    /// The whole minute's or two seconds' worth may come at once.
    #[must_use]
    pub fn new(writes_per_minute: NonZeroU32, reads_per_second: NonZeroU32) -> Self {
        Limiter {
            writes: Rate::per_minute(writes_per_minute),
            reads: Rate::new(
                reads_per_second,
                Duration::from_secs(1),
                reads_per_second.saturating_add(reads_per_second.get()),
            ),
        }
    }

    /// Counts a request that costs as much as `cost` small ones of its kind.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, client: Client, method: &Method, cost: u32) -> Result<(), Duration> {
        self.of(method).check(client, cost)
    }

    /// Counts what a request turned out to cost besides; it is too late to refuse that one.
    pub fn charge(&self, client: Client, method: &Method, cost: u32) {
        self.of(method).charge(client, cost);
    }

    /// Forgets clients that were quiet, so that memory stays bounded by the recent ones.
    pub fn forget_quiet(&self) {
        self.writes.forget_quiet();
        self.reads.forget_quiet();
    }

    const fn of(&self, method: &Method) -> &Rate {
        if matches!(*method, Method::POST | Method::PUT) { &self.writes } else { &self.reads }
    }
}
