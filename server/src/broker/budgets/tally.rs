//! Counting who sent what. No question is asked here, and no clock is read.

use std::collections::HashMap;
use std::time::Duration;

use kez_core::KeyId;
use tokio::time::Instant;

/// Most senders to nobody that are remembered, at about 60 bytes each. More at once than this are no people.
const MOST: usize = 10_000;

/// What each sender has waiting, and what it sent to recipients that do not exist.
#[derive(Default)]
pub(super) struct Tally {
    /// At most so many messages of each wait: what was fetched meanwhile is not known here.
    waiting: HashMap<KeyId, u64>,
    /// Messages to nobody, and since when they count.
    wrote_to_nobody: HashMap<KeyId, (u64, Instant)>,
}

impl Tally {
    /// One more waits.
    pub(super) fn sent(&mut self, by: KeyId, messages: u64) {
        *self.waiting.entry(by).or_default() += messages;
    }

    /// So many wait, exactly.
    pub(super) fn set(&mut self, by: KeyId, messages: u64) {
        if messages == 0 {
            self.waiting.remove(&by);
        } else {
            self.waiting.insert(by, messages);
        }
    }

    /// Nothing is known of what waits.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// So many more were for nobody. Gives how many that makes within `period`.
    pub(super) fn sent_to_nobody(&mut self, by: KeyId, messages: u64, now: Instant, period: Duration) -> u64 {
        if self.wrote_to_nobody.len() >= MOST && !self.wrote_to_nobody.contains_key(&by) {
            self.wrote_to_nobody.retain(|_, (_, since)| now.duration_since(*since) < period);
            if self.wrote_to_nobody.len() >= MOST {
                // Those with the fewest make room: a flood of names forgets nobody who went on.
                self.wrote_to_nobody.retain(|_, (count, _)| *count > 1);
            }
            if self.wrote_to_nobody.len() >= MOST {
                self.wrote_to_nobody.clear();
            }
        }
        let (count, since) = self.wrote_to_nobody.entry(by).or_insert((0, now));
        if now.duration_since(*since) >= period {
            (*count, *since) = (0, now);
        }
        *count += messages;
        *count
    }

    /// Whether somebody may have more than `most` waiting.
    pub(super) fn is_over(&self, by: &KeyId, most: u64) -> bool {
        self.waiting.get(by).is_some_and(|count| *count > most)
    }

    /// Who may have more than `most` waiting.
    pub(super) fn over(&self, most: u64) -> Vec<KeyId> {
        self.waiting.iter().filter(|(_, count)| **count > most).map(|(by, _)| *by).collect()
    }

    /// The senders with the most messages, until they have `messages` together.
    pub(super) fn largest(&self, messages: u64) -> Vec<KeyId> {
        let mut all: Vec<(u64, KeyId)> = self.waiting.iter().map(|(by, count)| (*count, *by)).collect();
        all.sort_unstable_by_key(|(count, by)| (std::cmp::Reverse(*count), *by.as_bytes()));
        let mut sum = 0;
        let enough = all.into_iter().take_while(|(count, _)| {
            let is_needed = sum < messages;
            sum += count;
            is_needed
        });
        enough.map(|(_, by)| by).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn key(seed: u8) -> KeyId {
        KeyId::ed25519([seed; 32])
    }

    #[test]
    fn who_has_too_much_waiting_is_over_until_it_is_less() {
        let mut tally = Tally::default();
        tally.sent(key(1), 10);
        tally.sent(key(1), 1);
        tally.sent(key(2), 10);
        assert_eq!(tally.over(10), [key(1)]);
        tally.set(key(1), 10);
        assert_eq!(tally.over(10), []);
        tally.set(key(1), 0);
        assert_eq!(tally.largest(100), [key(2)]);
    }

    #[test]
    fn the_largest_go_first_and_no_more_than_it_takes() {
        let mut tally = Tally::default();
        for (seed, count) in [(1, 5), (2, 50), (3, 1), (4, 30)] {
            tally.sent(key(seed), count);
        }
        for (messages, expected) in
            [(0, &[][..]), (1, &[2]), (50, &[2]), (51, &[2, 4]), (85, &[2, 4, 1]), (99, &[2, 4, 1, 3])]
        {
            let expected: Vec<KeyId> = expected.iter().map(|seed| key(*seed)).collect();
            assert_eq!(tally.largest(messages), expected, "{messages}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_for_nobody_counts_for_an_hour_and_in_bounded_memory() {
        let mut tally = Tally::default();
        let sent = |by, tally: &mut Tally| tally.sent_to_nobody(by, 1, Instant::now(), HOUR);
        assert_eq!((sent(key(1), &mut tally), sent(key(1), &mut tally), sent(key(2), &mut tally)), (1, 2, 1));
        tokio::time::advance(HOUR).await;
        assert_eq!(sent(key(1), &mut tally), 1);
        assert_eq!(sent(key(1), &mut tally), 2);
        for name in 0..3 * MOST {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&name.to_le_bytes());
            sent(KeyId::ed25519(bytes), &mut tally);
        }
        assert!(tally.wrote_to_nobody.len() <= MOST);
        assert_eq!(sent(key(1), &mut tally), 3, "who went on is not forgotten");
    }
}
