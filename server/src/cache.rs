//! Ready answers in memory, bounded, and never older than the last write.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use kez_core::Handle;

use crate::registry::Found;

/// Most handles that are kept; an entry is about 2 KB.
const CAPACITY: u64 = 20_000;
/// Writes to one shard make lookups of its other handles pass the cache by for a moment.
const SHARDS: usize = 64;

/// Answers by handle.
pub(crate) struct Cache {
    entries: moka::sync::Cache<Box<str>, Found, RandomState>,
    hasher: RandomState,
    /// How often a handle of the shard was written. Held while an entry is put or removed, so that a lookup which read
    /// the database before a write cannot put its old answer after it.
    writes: [Mutex<u64>; SHARDS],
}

/// The state of a handle's shard before the database was read.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

impl Cache {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::new();
        let entries = moka::sync::Cache::builder().max_capacity(CAPACITY).build_with_hasher(hasher.clone());
        Cache { entries, hasher, writes: std::array::from_fn(|_| Mutex::new(0)) }
    }

    pub(crate) fn get(&self, handle: &str) -> Option<Found> {
        self.entries.get(handle)
    }

    /// To be taken before the database is read.
    pub(crate) fn ticket(&self, handle: &Handle) -> Ticket {
        Ticket(*self.shard(handle).lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts what was read, unless a write happened since `ticket`.
    pub(crate) fn put(&self, handle: &Handle, ticket: Ticket, found: Found) {
        let writes = self.shard(handle).lock().unwrap_or_else(PoisonError::into_inner);
        if *writes == ticket.0 {
            self.entries.insert(handle.as_str().into(), found);
        }
    }

    /// To be called once a write is durable, by whoever made it so: a request may be gone by then.
    pub(crate) fn forget(&self, handle: &Handle) {
        let mut writes = self.shard(handle).lock().unwrap_or_else(PoisonError::into_inner);
        *writes += 1;
        self.entries.invalidate(handle.as_str());
    }

    fn shard(&self, handle: &Handle) -> &Mutex<u64> {
        let hash = self.hasher.hash_one(handle.as_str());
        &self.writes[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}
