//! When to stop waiting.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// Ctrl-C, SIGTERM and a deadline.
pub(in crate::commands) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    deadline: Option<Instant>,
}

/// Why it is time to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Stopped {
    /// Somebody said so.
    Told,
    /// The time is over.
    TimeIsOver,
}

impl Stop {
    /// From now on, signals end nothing by themselves.
    pub(in crate::commands) fn listen(timeout: Option<Duration>) -> io::Result<Self> {
        Ok(Stop {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            deadline: timeout.map(|timeout| Instant::now() + timeout),
        })
    }

    /// Waits until it is time. May be dropped and called again.
    pub(in crate::commands) async fn requested(&mut self) -> Stopped {
        let Stop { interrupt, terminate, deadline } = self;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Stopped::Told,
            _ = terminate.recv() => Stopped::Told,
            () = over(*deadline) => Stopped::TimeIsOver,
        }
    }

    /// At most `longest`, and not beyond the deadline.
    pub(in crate::commands) fn at_most(&self, longest: Duration) -> Duration {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map_or(longest, |left| left.min(longest))
    }
}

async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
