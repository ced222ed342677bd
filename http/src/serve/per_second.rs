//! Something that happens so many times a second and not more.

use std::time::{Duration, Instant};

/// How often something happened in the second that runs.
#[derive(Debug)]
pub(super) struct PerSecond {
    limit: u32,
    /// When the second began, and how often it happened since.
    second: Option<(Instant, u32)>,
}

impl PerSecond {
    pub(super) const fn new(limit: u32) -> Self {
        PerSecond { limit, second: None }
    }

    /// Whether it may happen once more, and then it is counted.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let second = self.second.filter(|(since, _)| now.duration_since(*since) < Duration::from_secs(1));
        let (since, count) = second.unwrap_or((now, 0));
        let may_happen = count < self.limit;
        self.second = Some((since, count + u32::from(may_happen)));
        may_happen
    }
}
