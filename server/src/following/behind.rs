//! Chains that changed and are not taken in yet: why, since when, and when each is tried again. One waits for no other.

use std::collections::HashMap;
use std::time::Duration;

use kez_core::{Hash, KeyId};
use tokio::time::Instant;

/// The pause after a first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause when it may be better later.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause when the chain itself is what is wrong.
const LONGEST_REFUSED: Duration = Duration::from_secs(600);

/// Why a chain could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The sigchain server or the database could not do it.
    Trouble(String),
    /// The chain is not followed as it is. Whoever can write it can do this, so it says nothing about this server.
    Refused(String),
}

#[derive(Debug)]
struct Late {
    since: Instant,
    due: Instant,
    failures: u32,
    why: Option<Why>,
    /// Whether its log is being fetched just now.
    is_running: bool,
    /// The newest event that is known of it.
    newest: Option<Hash>,
}

/// The chains that are behind.
#[derive(Debug, Default)]
pub(super) struct Behind(HashMap<KeyId, Late>);

impl Behind {
    /// A chain changed that could not be taken in at once; `newest` is its newest event, where that can be read.
    pub(super) fn changed(&mut self, chain: KeyId, newest: Option<Hash>, now: Instant) {
        let fresh = || Late { since: now, due: now, failures: 0, why: None, is_running: false, newest: None };
        let late = self.0.entry(chain).or_insert_with(fresh);
        late.due = late.due.min(now);
        late.newest = newest.or(late.newest);
    }

    /// Chains whose turn it is, the longest waiting first, at most `room`.
    pub(super) fn due(&self, now: Instant, room: usize) -> Vec<KeyId> {
        let waiting = self.0.iter().filter(|(_, late)| !late.is_running && late.due <= now);
        let mut due: Vec<(Instant, KeyId)> = waiting.map(|(chain, late)| (late.due, *chain)).collect();
        due.sort_unstable();
        due.into_iter().take(room).map(|(_, chain)| chain).collect()
    }

    /// When the next one's turn is.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().filter(|late| !late.is_running).map(|late| late.due).min()
    }

    /// Its log is being fetched from now on.
    pub(super) fn runs(&mut self, chain: &KeyId) {
        if let Some(late) = self.0.get_mut(chain) {
            late.is_running = true;
        }
    }

    /// Its log was fetched; gives the newest event that has to be in it.
    pub(super) fn ran(&mut self, chain: &KeyId) -> Option<Hash> {
        let late = self.0.get_mut(chain)?;
        late.is_running = false;
        late.newest
    }

    /// Whether its log is being fetched.
    pub(super) fn is_running(&self, chain: &KeyId) -> bool {
        self.0.get(chain).is_some_and(|late| late.is_running)
    }

    /// It could not be taken in; gives the pause, and whether this is news.
    pub(super) fn failed(&mut self, chain: KeyId, why: Why, now: Instant) -> (Duration, bool) {
        self.changed(chain, None, now);
        let Some(late) = self.0.get_mut(&chain) else { return (FIRST_PAUSE, true) };
        let longest = if matches!(why, Why::Refused(_)) { LONGEST_REFUSED } else { LONGEST_PAUSE };
        let pause = FIRST_PAUSE.saturating_mul(1 << late.failures.min(16)).min(longest);
        let is_news = late.why.as_ref() != Some(&why);
        late.failures += 1;
        late.due = now + pause;
        late.why = Some(why);
        (pause, is_news)
    }

    /// It is taken in; whether it had failed before.
    pub(super) fn is_done(&mut self, chain: &KeyId) -> bool {
        self.0.remove(chain).is_some_and(|late| late.failures > 0)
    }

    /// Since when one is behind that is not refused.
    pub(super) fn since(&self) -> Option<Instant> {
        let late = self.0.values().filter(|late| !matches!(late.why, Some(Why::Refused(_))));
        late.map(|late| late.since).min()
    }

    /// How many are behind, and how many of those are refused.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.0.len(), self.0.values().filter(|late| matches!(late.why, Some(Why::Refused(_)))).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_news_shortens_them() {
        let (mut behind, start, chain) = (Behind::default(), Instant::now(), KeyId::ed25519([7; 32]));
        let why = || Why::Trouble("no answer".to_owned());
        behind.changed(chain, None, start);
        assert_eq!((behind.due(start, 4), behind.since()), (vec![chain], Some(start)));
        let pauses: Vec<u64> = (0..8).map(|_| behind.failed(chain, why(), start).0.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(behind.due(start, 4).is_empty());
        behind.changed(chain, None, start);
        assert_eq!(behind.due(start, 4), [chain], "an event is a reason to look at once");
        behind.runs(&chain);
        assert!(behind.due(start, 4).is_empty() && behind.next_due().is_none());
        behind.ran(&chain);
        assert_eq!(behind.failed(chain, Why::Refused("key-reuse".to_owned()), start), (Duration::from_secs(256), true));
        assert_eq!((behind.since(), behind.count()), (None, (1, 1)));
        assert!(behind.is_done(&chain) && !behind.is_done(&chain));
    }
}
