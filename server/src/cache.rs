//! What was read from the database, in memory: bounded, and never older than the last write.

use std::borrow::Borrow;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use kez_core::KeyId;
use kez_store::changes::{Change, Hearing};

use crate::changes::Memory;

/// Writes to one shard make lookups of its other keys pass the cache by for a moment.
const SHARDS: usize = 64;

/// Values by key.
pub(crate) struct Cache<K, V> {
    entries: moka::sync::Cache<K, V, RandomState>,
    hasher: RandomState,
    hearing: Hearing,
    /// How often a key of the shard was written. Held while an entry is put or removed, so that a lookup which read
    /// the database before a write cannot put its old answer after it.
    writes: [Mutex<u64>; SHARDS],
}

/// The state of a key's shard before the database was read.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of at most `capacity` values, which are believed while `hearing` is on.
    pub(crate) fn new(capacity: u64, hearing: Hearing) -> Self {
        let hasher = RandomState::new();
        let entries = moka::sync::Cache::builder().max_capacity(capacity).build_with_hasher(hasher.clone());
        Cache { entries, hasher, hearing, writes: std::array::from_fn(|_| Mutex::new(0)) }
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.hearing.is_on().then(|| self.entries.get(key)).flatten()
    }

    /// To be taken before the database is read.
    pub(crate) fn ticket<Q: Hash + ?Sized>(&self, key: &Q) -> Ticket {
        Ticket(*self.shard(key).lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was read, unless a write happened since `ticket`; says whether it is as new as anybody knows.
    pub(crate) fn put(&self, key: K, ticket: Ticket, value: V) -> bool {
        let writes = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = *writes == ticket.0;
        if is_current && self.hearing.is_on() {
            self.entries.insert(key, value);
        }
        is_current
    }

    /// To be called once a write is durable, by whoever made it so: a request may be gone by then.
    pub(crate) fn forget<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut writes = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        *writes += 1;
        self.entries.invalidate(key);
    }

    /// To be called when writes may have happened that nobody told of.
    pub(crate) fn forget_all(&self) {
        for shard in &self.writes {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        self.entries.invalidate_all();
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &Mutex<u64> {
        let hash = self.hasher.hash_one(key);
        &self.writes[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}

/// Ready answers, by handle.
impl<V: Clone + Send + Sync + 'static> Memory for Cache<Box<str>, V> {
    fn forget(&self, change: &Change) {
        if let Some(handle) = &change.handle {
            self.forget(handle.as_str());
        }
    }

    fn forget_all(&self) {
        self.forget_all();
    }
}

/// What is known of keys.
impl<V: Clone + Send + Sync + 'static> Memory for Cache<KeyId, V> {
    fn forget(&self, change: &Change) {
        change.keys.iter().for_each(|(key, _)| self.forget(key));
    }

    fn forget_all(&self) {
        self.forget_all();
    }
}
