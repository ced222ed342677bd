//! A chain as far as its log was verified, kept so that the next event costs what it changes and not what came before.

use kez_core::sigchain::{Body, Chain, Entry, Reason, Summary, Unverified};
use kez_core::{Hash, KeyId};

use kez_store::followed::Followed;

/// What an entry of a log takes in memory, roughly, in bytes.
const BYTES_PER_ENTRY: usize = 500;
/// What any chain takes.
const BYTES_PER_CHAIN: usize = 2_000;

/// Why a chain's log is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// One of its entries is none, or does not fit behind the ones before.
    #[error("entry {0} is refused: {1}")]
    Entry(u64, Reason),
    /// It would take back what was followed.
    #[error("it does not begin with the log that was followed before")]
    Another,
    /// It is not the log of a chain.
    #[error("{0}")]
    NoLog(String),
    /// The registry has something against it.
    #[error("{0}")]
    Registry(Reason),
}

/// A verified chain, and what the store has of it.
#[derive(Debug)]
pub(super) struct Kept {
    chain: Chain,
    /// How many entries the store has, and the last one's id; none where it has none.
    stored: Option<(u64, Hash)>,
    /// What changed since then, event by event; none where that is not known.
    news: Option<Summary>,
    /// Whether the claims may have changed since then.
    has_new_claims: bool,
}

impl Kept {
    /// A chain with nothing in it, of which the store has `stored`.
    pub(super) fn new(chain: KeyId, stored: Option<(u64, Hash)>) -> Self {
        Kept { chain: Chain::new(chain), stored, news: None, has_new_claims: true }
    }

    pub(super) fn id(&self) -> KeyId {
        self.chain.id()
    }

    /// Whether this event was taken in.
    pub(super) fn knows(&self, event: &Hash) -> bool {
        self.chain.standing(event).is_some()
    }

    /// Adds an entry behind the last one. One that is there already is left as it is.
    pub(super) fn add(&mut self, entry: Entry) -> Result<(), Refused> {
        let number = self.chain.entries() as u64;
        let refused = |reason| Refused::Entry(number, reason);
        let event = Unverified::read(entry.event).map_err(refused)?;
        if self.knows(&event.id()) {
            return Ok(());
        }
        let received_at = entry.received_at.ok_or_else(|| refused(Reason::BadReceivedAt))?;
        let event = self.chain.authenticate(event).map_err(refused)?;
        let step = self.chain.judge(event, received_at).map_err(refused)?;
        let claims = matches!(
            step.event().body(),
            Body::Genesis { .. } | Body::RotatePrimary { .. } | Body::ClaimAdd { .. } | Body::ClaimRemove { .. }
        );
        self.has_new_claims |= claims;
        let after = self.chain.summary_after(&step);
        self.chain.commit(step);
        self.news = match (self.news.take(), after) {
            (Some(before), Some(after)) => Some(before.then(after)),
            (None, after) => after,
            (_, None) => None,
        };
        match (self.stored, self.chain.head()) {
            // Here the log that was followed before ended.
            (Some((entries, last)), Some(head)) if entries == self.chain.entries() as u64 && last != head.hash => {
                Err(Refused::Another)
            }
            _ => Ok(()),
        }
    }

    /// What the store has to take in to be where this is; none as long as it is farther.
    pub(super) fn followed(&self) -> Option<Followed> {
        let stored = self.stored.map_or(0, |(entries, _)| entries);
        if stored > self.chain.entries() as u64 {
            return None;
        }
        let news = self.news.as_ref().filter(|news| news.since == 0 || news.since == stored);
        let summary = news.cloned().or_else(|| self.chain.summary())?;
        let claims = self.has_new_claims.then(|| self.chain.state().map(|state| state.claims.clone())).flatten();
        Some(Followed { summary, claims })
    }

    /// The store has taken in what [`Kept::followed`] gave.
    pub(super) fn was_stored(&mut self) {
        self.stored = self.chain.head().map(|head| (self.chain.entries() as u64, head.hash));
        self.news = None;
        self.has_new_claims = false;
    }

    /// What it takes in memory, roughly, in bytes.
    pub(super) fn weight(&self) -> u32 {
        let claims = self.chain.state().into_iter().flat_map(|state| state.claims.values());
        let texts: usize = claims.map(|claim| claim.subject.len() + claim.proof.len()).sum();
        u32::try_from(BYTES_PER_CHAIN + self.chain.entries() * BYTES_PER_ENTRY + texts).unwrap_or(u32::MAX)
    }
}
