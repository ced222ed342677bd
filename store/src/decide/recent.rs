//! How often somebody did something lately.

use kez_core::Timestamp;

/// In seconds.
pub(crate) const HOUR: i64 = 3_600;
/// In seconds.
pub(crate) const DAY: i64 = 86_400;

/// How often somebody did something lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) count: u64,
    /// When the first of them was.
    pub(crate) oldest: Option<Timestamp>,
}

impl Recent {
    /// Seconds until one more is within the limit of so many in `window` seconds; none when it is now.
    pub(crate) fn wait(&self, limit: u64, window: i64, now: Timestamp) -> Option<u64> {
        (self.count >= limit).then(|| until(self.oldest.unwrap_or(now), window, now))
    }

    /// Counts one more.
    pub(crate) fn add(&mut self, now: Timestamp) {
        self.count += 1;
        self.oldest.get_or_insert(now);
    }
}

/// Seconds until what was at `then` is `window` seconds old, one at least.
pub(crate) fn until(then: Timestamp, window: i64, now: Timestamp) -> u64 {
    u64::try_from(then.unix() + window - now.unix()).unwrap_or(0).max(1)
}
