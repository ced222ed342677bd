//! What is known of each claim, in memory: after a restart every claim is looked at anew.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use kez_core::claim::Evidence;
use kez_core::{Hash, KeyId, Timestamp};
use tokio::sync::Semaphore;

use super::outside::Outside;
use super::{State, Verdict};
use crate::clock::Clock;

/// Most claims of which something is known; an entry is about 200 bytes.
const KNOWN: u64 = 100_000;
/// Checks that run at one time.
const AT_ONCE: usize = 8;
/// Checks that run or wait; what comes beyond is checked when somebody asks again.
const MAX_WAITING: usize = 512;
/// How long a proof that was found is good for, in seconds.
const PROVEN_FOR: u64 = 60 * 60;
/// After how many seconds one is looked for again that was not found.
const RETRY_AFTER: u64 = 5 * 60;

/// What came of looking, by claim.
pub(crate) struct Board {
    clock: Arc<dyn Clock>,
    known: moka::sync::Cache<Hash, (Timestamp, Verdict)>,
    looker: Option<Looker>,
}

/// What looks at proofs.
struct Looker {
    outside: Arc<Outside>,
    /// Claims that are looked at, or wait for it.
    busy: Arc<Mutex<HashSet<Hash>>>,
    turns: Arc<Semaphore>,
}

/// That a claim is looked at, until this is dropped.
struct Busy {
    id: Hash,
    all: Arc<Mutex<HashSet<Hash>>>,
}

impl Board {
    /// A board with nothing on it; without `outside`, for ever.
    pub(crate) fn new(clock: Arc<dyn Clock>, outside: Option<Outside>) -> Board {
        let looker = outside.map(|outside| Looker {
            outside: Arc::new(outside),
            busy: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        });
        Board { clock, known: moka::sync::Cache::new(KNOWN), looker }
    }

    /// What is known of a claim, and since when. When that is nothing or old, a check begins that nobody waits for.
    pub(super) fn ask(&self, id: Hash, chain: KeyId, evidence: Evidence) -> Option<(Timestamp, Verdict)> {
        let known = self.known.get(&id);
        if self.is_due(known)
            && let Some(looker) = &self.looker
            && let Some(busy) = looker.begin(id)
            // A check may have ended since the first look, before this one began.
            && self.is_due(self.known.get(&id))
        {
            let (outside, turns) = (looker.outside.clone(), looker.turns.clone());
            let (clock, known) = (self.clock.clone(), self.known.clone());
            tokio::spawn(async move {
                // All of it: its parts alone would keep nobody from looking, too.
                let busy = busy;
                // It is never closed.
                let Ok(_turn) = turns.acquire().await else { return };
                let verdict = outside.check(&evidence, &chain).await;
                tracing::debug!(%chain, claim = %busy.id, state = ?verdict.state, "a claim was checked");
                known.insert(busy.id, (clock.now(), verdict));
            });
        }
        known
    }

    fn is_due(&self, known: Option<(Timestamp, Verdict)>) -> bool {
        known.is_none_or(|(at, verdict)| {
            let good_for = if verdict.state == State::Proven { PROVEN_FOR } else { RETRY_AFTER };
            self.clock.now().abs_diff(at) >= good_for
        })
    }
}

impl Looker {
    /// Takes a claim on, unless it is looked at already or too many are.
    fn begin(&self, id: Hash) -> Option<Busy> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = busy.len() < MAX_WAITING && busy.insert(id);
        is_new.then(|| Busy { id, all: self.busy.clone() })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
