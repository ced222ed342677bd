//! Somebody who asked to be in touch, and how much of what they send is shown.

use kez_core::{Handle, KeyId, Timestamp};

/// Requests from one key that are shown within [`MINUTE`].
const SHOWN_A_MINUTE: usize = 16;
/// Seconds.
const MINUTE: i64 = 60;

/// What the receiver thinks of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They asked; nothing was decided.
    Asking,
    /// A contact.
    Accepted,
    /// Nothing of theirs is shown.
    Declined,
}

impl Standing {
    /// The standing's name, in the database and in the page.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Standing::Asking => "asking",
            Standing::Accepted => "accepted",
            Standing::Declined => "declined",
        }
    }

    /// The standing of this name.
    pub(crate) fn parse(text: &str) -> Option<Standing> {
        [Standing::Asking, Standing::Accepted, Standing::Declined].into_iter().find(|it| it.as_str() == text)
    }
}

/// Somebody who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// Their key.
    pub(crate) key: KeyId,
    /// The handle that the key was proven to hold when they first asked.
    pub(crate) handle: Handle,
    /// What was decided.
    pub(crate) standing: Standing,
    /// Requests that were shown.
    pub(crate) shown: u32,
    /// Requests that came too fast to be shown.
    pub(crate) hidden: u32,
    /// When the last one arrived, by the receiver's clock.
    pub(crate) last_at: Timestamp,
    /// When the last few that were shown arrived: unix seconds, oldest first.
    pub(super) recent: Vec<i64>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It counts.
    Shown,
    /// It came too fast, and is only mentioned.
    Hidden,
    /// Its sender was accepted or declined already.
    Settled,
}

impl Person {
    /// Somebody whose first request is about to be taken.
    pub(super) const fn new(key: KeyId, handle: Handle, now: Timestamp) -> Self {
        Person { key, handle, standing: Standing::Asking, shown: 0, hidden: 0, last_at: now, recent: Vec::new() }
    }

    /// Takes one more request.
    pub(super) fn take(&mut self, now: Timestamp) -> Taken {
        if self.standing != Standing::Asking {
            return Taken::Settled;
        }
        self.last_at = now;
        let now = now.unix();
        // A clock that was set back must not keep a minute from passing.
        self.recent.retain(|at| (now - MINUTE + 1..=now).contains(at));
        if self.recent.len() >= SHOWN_A_MINUTE {
            self.hidden = self.hidden.saturating_add(1);
            return Taken::Hidden;
        }
        self.recent.push(now);
        self.shown = self.shown.saturating_add(1);
        Taken::Shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        let handle = "tudisco".parse().expect("a handle");
        Person::new(KeyId::ed25519([7; 32]), handle, Timestamp::from_unix(1_000))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000 + seconds)
    }

    #[test]
    fn sixteen_a_minute_are_shown_whenever_the_minute_begins() {
        let mut person = person();
        let mut shown = Vec::new();
        for second in 0..300 {
            for _ in 0..3 {
                if person.take(at(second)) == Taken::Shown {
                    shown.push(second);
                }
            }
        }
        for begin in 0..240 {
            let in_minute = shown.iter().filter(|second| (begin..begin + 60).contains(*second)).count();
            assert!(in_minute <= 16, "{in_minute} in the minute from {begin}");
        }
        assert_eq!(shown.len(), 5 * 16, "and no fewer");
        assert_eq!((person.shown, person.hidden), (80, 900 - 80));
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing_for_long() {
        let mut person = person();
        for _ in 0..16 {
            assert_eq!(person.take(at(100_000)), Taken::Shown);
        }
        assert_eq!(person.take(at(100_000)), Taken::Hidden);
        assert_eq!(person.take(at(0)), Taken::Shown);
    }

    #[test]
    fn a_decision_ends_it() {
        for standing in [Standing::Accepted, Standing::Declined] {
            let mut person = Person { standing, ..person() };
            assert_eq!(person.take(at(5)), Taken::Settled);
            assert_eq!((person.shown, person.hidden), (0, 0));
            assert_eq!(Standing::parse(standing.as_str()), Some(standing));
        }
    }
}
