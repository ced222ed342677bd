//! Who may not send at the moment, and why.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use kez_core::KeyId;
use tokio::time::Instant;

/// Most identities that are kept out for a time, at about 60 bytes each.
const MOST: usize = 100_000;

/// Why an identity may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) enum Reason {
    /// Too many of its messages wait.
    Waiting,
    /// The stream is nearly full, and it is one of those who filled it.
    Full,
}

/// The right to send of each identity that does not have it.
#[derive(Default)]
pub(in crate::broker) struct Rights(RwLock<HashMap<KeyId, Without>>);

#[derive(Clone, Copy, Default)]
struct Without {
    waiting: bool,
    full: bool,
    until: Option<Instant>,
}

impl Without {
    fn is_nothing(&self) -> bool {
        !self.waiting && !self.full && self.until.is_none()
    }
}

impl Rights {
    /// Whether an identity may send.
    pub(in crate::broker) fn may_send(&self, chain: &KeyId) -> bool {
        !self.read().contains_key(chain)
    }

    /// A reason holds, or does not hold any more. Whether that changes what the identity may do.
    pub(in crate::broker) fn set(&self, chain: KeyId, reason: Reason, holds: bool) -> bool {
        self.change(chain, |without| match reason {
            Reason::Waiting => without.waiting = holds,
            Reason::Full => without.full = holds,
        })
    }

    /// The identity may not send for so long, whatever else happens. Whether that changes what it may do.
    pub(in crate::broker) fn keep_out(&self, chain: KeyId, time: Duration) -> bool {
        if self.read().len() >= MOST && self.may_send(&chain) {
            return false;
        }
        let until = Instant::now() + time;
        self.change(chain, |without| without.until = without.until.max(Some(until)))
    }

    /// Whose time is over; they may send again, unless there is another reason.
    pub(in crate::broker) fn expire(&self) -> Vec<KeyId> {
        let now = Instant::now();
        let over: Vec<KeyId> = self
            .read()
            .iter()
            .filter(|(_, w)| w.until.is_some_and(|until| until <= now))
            .map(|(chain, _)| *chain)
            .collect();
        over.into_iter().filter(|chain| self.change(*chain, |without| without.until = None)).collect()
    }

    /// Those to whom a reason applies.
    pub(in crate::broker) fn by(&self, reason: Reason) -> Vec<KeyId> {
        let applies = |without: &Without| match reason {
            Reason::Waiting => without.waiting,
            Reason::Full => without.full,
        };
        self.read().iter().filter(|(_, without)| applies(without)).map(|(chain, _)| *chain).collect()
    }

    /// Those who are kept out for a time, and how long still.
    pub(in crate::broker) fn kept_out(&self) -> Vec<(KeyId, Duration)> {
        let now = Instant::now();
        let rest = |without: &Without| without.until.map(|until| until.saturating_duration_since(now));
        self.read().iter().filter_map(|(chain, without)| Some((*chain, rest(without)?))).collect()
    }

    /// How many may not send.
    pub(in crate::broker) fn count(&self) -> usize {
        self.read().len()
    }

    fn change(&self, chain: KeyId, change: impl FnOnce(&mut Without)) -> bool {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&chain).copied();
        let mut without = before.unwrap_or_default();
        change(&mut without);
        if without.is_nothing() {
            all.remove(&chain);
        } else {
            all.insert(chain, without);
        }
        before.is_some() != all.contains_key(&chain)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<KeyId, Without>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_has_no_reason_left_may_send() {
        let (rights, who) = (Rights::default(), KeyId::ed25519([1; 32]));
        assert!(rights.may_send(&who));
        assert!(rights.set(who, Reason::Waiting, true) && !rights.may_send(&who));
        assert!(!rights.set(who, Reason::Waiting, true), "nothing new");
        assert!(!rights.keep_out(who, Duration::from_secs(10)) && !rights.set(who, Reason::Full, true));
        assert_eq!((rights.by(Reason::Waiting), rights.by(Reason::Full), rights.count()), (vec![who], vec![who], 1));
        assert!(!rights.set(who, Reason::Waiting, false) && !rights.set(who, Reason::Full, false));
        assert!(!rights.keep_out(who, Duration::from_secs(1)), "never shorter");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!((rights.expire(), rights.kept_out()), (vec![], vec![(who, Duration::from_secs(1))]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((rights.expire(), rights.may_send(&who)), (vec![who], true));
        assert_eq!(rights.expire(), []);
    }
}
