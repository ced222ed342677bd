//! A connection to the broker as one of its users, that comes back by itself for as long as the server runs.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;

use crate::config::nats::Seed;

/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(4);

/// A connection, and whether it is up.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    state: watch::Receiver<State>,
}

/// Counts how often the connection came up, so that a short break is not missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    is_up: bool,
    times: u64,
}

impl Link {
    /// Begins to connect, and goes on for ever. `account` is for the log.
    ///
    /// # Errors
    /// One line, when an address cannot be used at all.
    pub(super) async fn open(urls: &[String], seed: &Seed, account: &'static str) -> Result<Link, String> {
        let (change, state) = watch::channel(State::default());
        let options = ConnectOptions::with_nkey(seed.text().to_owned())
            .name(format!("kez-chat-server {account}"))
            .connection_timeout(ATTEMPT)
            .ping_interval(Duration::from_secs(10))
            .max_reconnects(None)
            .retry_on_initial_connect()
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                note(account, &event);
                change.send_if_modified(|state| match event {
                    Event::Connected => {
                        *state = State { is_up: true, times: state.times + 1 };
                        true
                    }
                    Event::Disconnected | Event::Closed => std::mem::replace(&mut state.is_up, false),
                    _ => false,
                });
                std::future::ready(())
            });
        let client = options.connect(urls).await.map_err(|error| format!("the broker: {error}"))?;
        Ok(Link { client, state })
    }

    /// Whether the connection is up.
    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().is_up
    }

    /// The number of the connection that is up, if one is.
    pub(super) fn number(&self) -> Option<u64> {
        let state = *self.state.borrow();
        state.is_up.then_some(state.times)
    }

    /// Completes once the connection with this number is over.
    pub(super) async fn went_down(&self, number: u64) {
        let mut state = self.state.clone();
        // The sender lives as long as the client, which `self` holds.
        let _ = state.wait_for(|state| !state.is_up || state.times != number).await;
    }

    /// Completes once for each time that the connection came up, the first time included.
    pub(super) async fn came_up(&self, seen: &mut u64) {
        let mut state = self.state.clone();
        // The sender lives as long as the client, which `self` holds.
        if let Ok(state) = state.wait_for(|state| state.is_up && state.times != *seen).await {
            *seen = state.times;
        }
    }
}

/// Doubles from 100 ms, and takes between half and all of it: after a broker's restart not everybody is back at once.
fn pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.min(8)).unwrap_or(8);
    let most = Duration::from_millis(100).saturating_mul(1 << doublings).min(MAX_PAUSE);
    let dice = RandomState::new().hash_one(attempts) % 1024;
    most / 2 + most.mul_f64(f64::from(u32::try_from(dice).unwrap_or(0)) / 2048.0)
}

fn note(account: &'static str, event: &Event) {
    match event {
        Event::Connected => tracing::info!(account, "connected to the broker"),
        Event::Disconnected => tracing::warn!(account, "the broker is gone; connecting again until it is back"),
        Event::SlowConsumer(_) => tracing::warn!(account, "the broker sends faster than this server can answer"),
        other => tracing::debug!(account, event = %other, "the broker's connection"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        for attempts in [0, 1, 5, 6, 100, usize::MAX] {
            let pauses: Vec<_> = (0..50).map(|_| pause(attempts)).collect();
            let most = Duration::from_millis(100).saturating_mul(1 << attempts.min(8)).min(MAX_PAUSE);
            assert!(pauses.iter().all(|pause| *pause >= most / 2 && *pause <= most), "{attempts}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{attempts}");
        }
    }
}
