//! How fast a receiver fetches the logs of those who ask. A request costs its sender nothing, and its receiver the sender's
//! whole log; so no sender has it fetched more than once a minute, and all together no more than so many bytes.

use crate::key::KeyId;
use crate::sigchain::MAX_AUDIT_BYTES;
use crate::time::Timestamp;

/// Seconds.
const MINUTE: u64 = 60;
/// Bytes of logs that are fetched within a minute: those of hundreds of people, or the largest of a few.
const BYTES_A_MINUTE: usize = 4 * MAX_AUDIT_BYTES;

/// What was fetched within the last minute.
#[derive(Debug, Default)]
pub struct Pace {
    /// Whose logs, when, and how large they were; the oldest first.
    fetched: Vec<(KeyId, Timestamp, usize)>,
}

/// Not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// This sender's log was fetched less than a minute ago.
    Sender,
    /// So much was fetched that nobody's is, for so many seconds.
    Everybody(u64),
}

impl Pace {
    /// Takes note that the log of `from` is about to be fetched.
    ///
    /// # Errors
    /// [`Wait`] when it must not be.
    pub fn begin(&mut self, from: &KeyId, now: Timestamp) -> Result<(), Wait> {
        // A clock that was set back must not keep a minute from passing.
        self.fetched.retain(|(_, at, _)| at.abs_diff(now) < MINUTE);
        if self.fetched.iter().any(|(key, ..)| key == from) {
            return Err(Wait::Sender);
        }
        let mut bytes = self.fetched.iter().map(|(.., bytes)| bytes).sum::<usize>();
        if bytes < BYTES_A_MINUTE {
            self.fetched.push((*from, now, 0));
            return Ok(());
        }
        let enough = self.fetched.iter().find(|(.., freed)| {
            bytes -= freed;
            bytes < BYTES_A_MINUTE
        });
        Err(Wait::Everybody(enough.map_or(MINUTE, |(_, at, _)| MINUTE - at.abs_diff(now))))
    }

    /// Takes note of how many bytes that was.
    pub fn end(&mut self, from: &KeyId, bytes: usize) {
        if let Some((.., fetched)) = self.fetched.iter_mut().find(|(key, ..)| key == from) {
            *fetched = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> KeyId {
        KeyId::ed25519([n; 32])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_779_678_000 + seconds)
    }

    #[test]
    fn nobodys_log_is_fetched_twice_within_a_minute() {
        let mut pace = Pace::default();
        let mut fetched = Vec::new();
        for second in 0..300 {
            for sender in [1, 2] {
                match pace.begin(&key(sender), at(second)) {
                    Ok(()) => fetched.push((sender, second)),
                    Err(wait) => assert_eq!(wait, Wait::Sender),
                }
            }
        }
        let expected: Vec<_> = (0..5).flat_map(|minute| [(1, minute * 60), (2, minute * 60)]).collect();
        assert_eq!(fetched, expected);
        assert_eq!(pace.begin(&key(1), at(-100_000)), Ok(()), "a clock that is set back hides nothing for long");
    }

    #[test]
    fn all_together_cost_no_more_than_so_many_bytes_a_minute() {
        let mut pace = Pace::default();
        for n in 0..4 {
            assert_eq!(pace.begin(&key(n), at(i64::from(n) * 10)), Ok(()));
            pace.end(&key(n), MAX_AUDIT_BYTES);
        }
        assert_eq!(pace.begin(&key(9), at(35)), Err(Wait::Everybody(25)));
        assert_eq!(pace.begin(&key(1), at(35)), Err(Wait::Sender));
        assert_eq!(pace.begin(&key(9), at(59)), Err(Wait::Everybody(1)));
        assert_eq!(pace.begin(&key(9), at(60)), Ok(()));
        // Small ones are many.
        let mut pace = Pace::default();
        for n in 0..200 {
            assert_eq!(pace.begin(&key(n), at(1)), Ok(()));
            pace.end(&key(n), 64 * 1024);
        }
    }
}
