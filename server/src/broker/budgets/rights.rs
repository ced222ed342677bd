//! Who may not send at the moment, and why.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use kez_core::KeyId;
use tokio::time::Instant;

use crate::broker::kind::Kind;

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

/// The rights to send to boxes, of each identity that does not have one.
#[derive(Default)]
pub(in crate::broker) struct Rights(RwLock<HashMap<(Kind, KeyId), Without>>);

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
    /// Whether an identity may send to boxes of a kind.
    pub(in crate::broker) fn may_send(&self, kind: Kind, chain: &KeyId) -> bool {
        !self.read().contains_key(&(kind, *chain))
    }

    /// A reason holds, or does not hold any more. Whether that changes what the identity may do.
    pub(in crate::broker) fn set(&self, kind: Kind, chain: KeyId, reason: Reason, holds: bool) -> bool {
        self.change((kind, chain), |without| match reason {
            Reason::Waiting => without.waiting = holds,
            Reason::Full => without.full = holds,
        })
    }

    /// The identity may not send for so long, whatever else happens. Whether that changes what it may do.
    pub(in crate::broker) fn keep_out(&self, kind: Kind, chain: KeyId, time: Duration) -> bool {
        if self.read().len() >= MOST && self.may_send(kind, &chain) {
            return false;
        }
        let until = Instant::now() + time;
        self.change((kind, chain), |without| without.until = without.until.max(Some(until)))
    }

    /// Whose time is over; they may send again, unless there is another reason.
    pub(in crate::broker) fn expire(&self, kind: Kind) -> Vec<KeyId> {
        let now = Instant::now();
        let over: Vec<KeyId> = self
            .read()
            .iter()
            .filter(|((of, _), w)| *of == kind && w.until.is_some_and(|until| until <= now))
            .map(|((_, chain), _)| *chain)
            .collect();
        over.into_iter().filter(|chain| self.change((kind, *chain), |without| without.until = None)).collect()
    }

    /// Those to whom a reason applies.
    pub(in crate::broker) fn by(&self, kind: Kind, reason: Reason) -> Vec<KeyId> {
        let applies = |without: &Without| match reason {
            Reason::Waiting => without.waiting,
            Reason::Full => without.full,
        };
        let found = self.read();
        let found = found.iter().filter(|((of, _), without)| *of == kind && applies(without));
        found.map(|((_, chain), _)| *chain).collect()
    }

    /// Those who are kept out for a time, and how long still.
    pub(in crate::broker) fn kept_out(&self) -> Vec<(Kind, KeyId, Duration)> {
        let now = Instant::now();
        let rest = |without: &Without| without.until.map(|until| until.saturating_duration_since(now));
        self.read().iter().filter_map(|((kind, chain), without)| Some((*kind, *chain, rest(without)?))).collect()
    }

    /// How many may not send to boxes of a kind.
    pub(in crate::broker) fn count(&self, kind: Kind) -> usize {
        self.read().keys().filter(|(of, _)| *of == kind).count()
    }

    fn change(&self, of: (Kind, KeyId), change: impl FnOnce(&mut Without)) -> bool {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(&of).copied();
        let mut without = before.unwrap_or_default();
        change(&mut without);
        if without.is_nothing() {
            all.remove(&of);
        } else {
            all.insert(of, without);
        }
        before.is_some() != all.contains_key(&of)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<(Kind, KeyId), Without>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_has_no_reason_left_may_send() {
        let (rights, who) = (Rights::default(), KeyId::ed25519([1; 32]));
        let (kind, other) = (Kind::Inbox, Kind::Mail);
        assert!(rights.may_send(kind, &who));
        assert!(rights.set(kind, who, Reason::Waiting, true) && !rights.may_send(kind, &who));
        assert!(!rights.set(kind, who, Reason::Waiting, true), "nothing new");
        assert!(!rights.keep_out(kind, who, Duration::from_secs(10)) && !rights.set(kind, who, Reason::Full, true));
        assert_eq!(
            (rights.by(kind, Reason::Waiting), rights.by(kind, Reason::Full), rights.count(kind)),
            (vec![who], vec![who], 1)
        );
        assert!(!rights.set(kind, who, Reason::Waiting, false) && !rights.set(kind, who, Reason::Full, false));
        assert!(!rights.keep_out(kind, who, Duration::from_secs(1)), "never shorter");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!((rights.expire(kind), rights.kept_out()), (vec![], vec![(kind, who, Duration::from_secs(1))]));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((rights.expire(kind), rights.may_send(kind, &who)), (vec![who], true));
        assert_eq!(rights.expire(kind), []);
        assert!(rights.set(other, who, Reason::Full, true) && !rights.may_send(other, &who));
        assert!(rights.may_send(kind, &who), "each kind by itself");
        assert_eq!(
            (rights.by(other, Reason::Full), rights.by(kind, Reason::Full), rights.count(kind)),
            (vec![who], vec![], 0)
        );
    }
}
