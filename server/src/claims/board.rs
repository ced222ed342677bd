//! What is known of each claim, in memory: after a restart every claim is looked at anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kez_core::{Hash, KeyId, Timestamp};

use super::outside::Outside;
use super::queue::{Job, Network, Queue};
use super::{State, Verdict};
use crate::clock::Clock;

/// Most claims of which something is known; an entry is about 100 bytes.
const KNOWN: u64 = 100_000;
/// Most of them of one identity: as many as a chain may have.
const KNOWN_OF_ONE: usize = 64;
/// Checks that run at one time.
const AT_ONCE: usize = 8;
/// How long a proof that was found is good for before it is looked for again, in seconds.
const PROVEN_FOR: u64 = 60 * 60;
/// After how many seconds one is looked for again that was not found.
const RETRY_AFTER: u64 = 5 * 60;
/// After how many seconds nothing is known any more, whatever was found.
const FORGOTTEN_AFTER: u64 = 24 * 60 * 60;

/// What came of looking, by claim.
pub(crate) struct Board {
    known: Known,
    looker: Option<Arc<Looker>>,
}

/// What looks at proofs.
struct Looker {
    outside: Outside,
    known: Known,
    queue: Mutex<Queue>,
}

/// What was found, and when; of each identity, the last to be found is the last in its list.
#[derive(Clone)]
struct Known {
    clock: Arc<dyn Clock>,
    found: moka::sync::Cache<KeyId, Arc<[Found]>>,
}

#[derive(Clone, Copy)]
struct Found {
    id: Hash,
    at: Timestamp,
    verdict: Verdict,
}

impl Board {
    /// A board with nothing on it; without `outside`, for ever.
    pub(crate) fn new(clock: Arc<dyn Clock>, outside: Option<Outside>) -> Board {
        let known = Known::new(clock);
        let looker = outside.map(|outside| Looker { outside, known: known.clone(), queue: Mutex::default() });
        Board { known, looker: looker.map(Arc::new) }
    }

    /// What is known of a claim, and since when. When that is nothing or old, the claim is looked at in its turn, for which
    /// nobody waits. `from` is who asks.
    pub(super) fn ask(&self, from: Network, job: Job) -> Option<(Timestamp, Verdict)> {
        let (id, chain) = (job.id, job.chain);
        if let Some(looker) = &self.looker
            && self.known.is_due(id, chain)
        {
            looker.add(from, job);
        }
        self.known.of(id, chain)
    }
}

impl Looker {
    fn add(self: &Arc<Self>, from: Network, job: Job) {
        {
            let mut queue = self.queue();
            // A check may have ended since the first look.
            if !self.known.is_due(job.id, job.chain) {
                return;
            }
            queue.add(from, job);
        }
        while let Some(running) = self.next() {
            tokio::spawn(running.check());
        }
    }

    /// The check whose turn it is, if one more may run. Nothing is spawned under the lock: at the end of the program what is
    /// spawned is dropped at once, which takes the lock again.
    fn next(self: &Arc<Self>) -> Option<Running> {
        let mut queue = self.queue();
        let job = (queue.running() < AT_ONCE).then(|| queue.next()).flatten()?;
        Some(Running { looker: Arc::clone(self), job })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A check that runs, until this is dropped.
struct Running {
    looker: Arc<Looker>,
    job: Job,
}

impl Running {
    /// Looks at this claim, then at those whose turn comes.
    async fn check(self) {
        let looker = Arc::clone(&self.looker);
        let mut next = Some(self);
        while let Some(Running { job, .. }) = &next {
            let verdict = looker.outside.check(&job.evidence, &job.chain).await;
            tracing::debug!(chain = %job.chain, claim = %job.id, state = ?verdict.state, "a claim was checked");
            looker.known.put(job.id, job.chain, verdict);
            drop(next.take());
            next = looker.next();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.looker.queue().ended(self.job.id, self.job.chain);
    }
}

impl Known {
    fn new(clock: Arc<dyn Clock>) -> Known {
        let weigh = |_: &KeyId, found: &Arc<[Found]>| u32::try_from(found.len()).unwrap_or(u32::MAX);
        Known { clock, found: moka::sync::Cache::builder().max_capacity(KNOWN).weigher(weigh).build() }
    }

    fn of(&self, id: Hash, chain: KeyId) -> Option<(Timestamp, Verdict)> {
        let all = self.found.get(&chain)?;
        let found = all.iter().find(|found| found.id == id)?;
        (self.age(found) < FORGOTTEN_AFTER).then_some((found.at, found.verdict))
    }

    fn is_due(&self, id: Hash, chain: KeyId) -> bool {
        let all = self.found.get(&chain);
        let found = all.as_deref().and_then(|all| all.iter().find(|found| found.id == id));
        found.is_none_or(|found| {
            let good_for = if found.verdict.state == State::Proven { PROVEN_FOR } else { RETRY_AFTER };
            self.age(found) >= good_for
        })
    }

    /// Notes what was found now.
    fn put(&self, id: Hash, chain: KeyId, verdict: Verdict) {
        let found = Found { id, at: self.clock.now(), verdict };
        self.found.entry(chain).and_upsert_with(|before| {
            let before = before.map(moka::Entry::into_value);
            let others = before.iter().flat_map(|all| all.iter()).filter(|other| other.id != id).copied();
            let mut all: Vec<_> = others.chain([found]).collect();
            all.drain(..all.len().saturating_sub(KNOWN_OF_ONE));
            all.into()
        });
    }

    fn age(&self, found: &Found) -> u64 {
        self.clock.now().abs_diff(found.at)
    }
}
