//! How far behind the follower is, for readiness and metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A revoked key has to be out within so long; a follower that is farther behind is not ready.
const PROMISE: Duration = Duration::from_secs(5);
/// A follower that has not looked for so long does not know what is new.
const SILENCE: Duration = Duration::from_secs(15);

/// What the follower says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// Whether the log could be read when it was looked at last.
    pub(super) is_reached: bool,
    /// Up to which entry the log was taken in.
    pub(super) log_index: u64,
    /// The newest entry that is known to be there.
    pub(super) newest: u64,
    /// Since when something that is known is not taken in, but for what is refused.
    pub(super) since: Option<Instant>,
    /// Chains that are not taken in.
    pub(super) behind: usize,
    /// Those of them that are not followed as they are.
    pub(super) refused: usize,
}

/// How the follower is, as it said last.
pub(crate) struct Health(Mutex<(Instant, Report)>);

impl Health {
    /// A follower that starts now.
    pub(super) fn new(now: Instant) -> Self {
        let report = Report { is_reached: true, log_index: 0, newest: 0, since: None, behind: 0, refused: 0 };
        Health(Mutex::new((now, report)))
    }

    /// What readiness says: `ok`; `failed`, when the log cannot be read; `behind`, when a key that was revoked elsewhere
    /// may stand here for longer than it should.
    pub(crate) fn word(&self) -> &'static str {
        let (at, report) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        word(&report, at, Instant::now())
    }

    pub(super) fn tell(&self, report: Report, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (now, report);
        let seconds = report.since.map_or(Duration::ZERO, |since| now.duration_since(since));
        metrics::gauge!("following_log_index").set(float(report.log_index));
        metrics::gauge!("following_behind_entries").set(float(report.newest.saturating_sub(report.log_index)));
        metrics::gauge!("following_behind_seconds").set(seconds.as_secs_f64());
        metrics::gauge!("following_behind_chains").set(float(report.behind as u64));
        metrics::gauge!("following_refused_chains").set(float(report.refused as u64));
    }
}

fn word(report: &Report, at: Instant, now: Instant) -> &'static str {
    if !report.is_reached {
        "failed"
    } else if now.duration_since(at) > SILENCE || report.since.is_some_and(|since| now.duration_since(since) > PROMISE)
    {
        "behind"
    } else {
        "ok"
    }
}

/// Exact up to 2^53, and what is larger is only shown.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_are_promised() {
        let start = Instant::now();
        let well = Report { is_reached: true, log_index: 7, newest: 7, since: None, behind: 0, refused: 0 };
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(word(&well, start, after(1)), "ok");
        assert_eq!(word(&well, start, after(16)), "behind", "nobody knows");
        let late = Report { since: Some(start), behind: 1, ..well };
        assert_eq!((word(&late, after(5), after(5)), word(&late, after(6), after(6))), ("ok", "behind"));
        assert_eq!(
            word(&Report { refused: 1, behind: 1, ..well }, start, start),
            "ok",
            "whoever writes a chain can do that"
        );
        assert_eq!(word(&Report { is_reached: false, ..well }, start, start), "failed");
    }
}
