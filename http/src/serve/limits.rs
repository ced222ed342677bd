//! How much the listener takes of anybody, and how long it waits.

use std::time::Duration;

/// Open files that are kept for the database, the log and the site's files.
const OTHER_FILES: u64 = 64;

/// Connections, and patience with those who are on them.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections at once, of everybody. The process may have fewer open files than that; then those count.
    pub all: usize,
    /// Those of one line: an IPv4 address or a /64, of which a /56 and a /48 have two and four times as many. Proxies,
    /// which bring the requests of many, have as many as they want.
    pub each: usize,
    /// How long a connection may be quiet between two requests, and how long an answer may wait to be read, as long as
    /// there is room. A request's head has half of that, from the connection's start or from its own first byte.
    pub patience: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits { all: 8_192, each: 512, patience: Duration::from_secs(30) }
    }
}

impl ConnectionLimits {
    /// These limits, and no more connections than the process may have open files. The limit that a shell starts
    /// programs with is far below what the system allows them to ask for.
    pub(super) fn within_open_files(self) -> Self {
        let wanted = u64::try_from(self.all).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
        let files = rlimit::increase_nofile_limit(wanted).unwrap_or(1024);
        let places = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
        ConnectionLimits { all: self.all.min(places.max(16)), ..self }
    }

    /// What is left of the patience when `held` of `room` places are taken: all of it below a half, a sixth below three
    /// quarters, and a fifteenth beyond. So idle connections never keep anybody out.
    pub(super) fn patience(&self, held: usize, room: usize) -> Patience {
        let quiet = match held.saturating_mul(4) {
            fours if fours < room.saturating_mul(2) => self.patience,
            fours if fours < room.saturating_mul(3) => self.patience / 6,
            _ => self.patience / 15,
        };
        Patience { quiet, head: quiet.min(self.patience / 2) }
    }
}

/// How long to wait for whoever is on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Patience {
    /// For the next request, and for an answer's bytes to be taken.
    pub(super) quiet: Duration,
    /// For the rest of a request's head.
    pub(super) head: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_as_places_do() {
        let limits = ConnectionLimits::default();
        let of = |held| (limits.patience(held, 8_192).quiet.as_secs(), limits.patience(held, 8_192).head.as_secs());
        assert_eq!(
            [0, 4_095, 4_096, 6_143, 6_144, 8_192].map(of),
            [(30, 15), (30, 15), (5, 5), (5, 5), (2, 2), (2, 2)]
        );
    }
}
