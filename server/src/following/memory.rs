//! Verified chains in memory, as many as there is room for; those that went on last stay.

use std::sync::{Arc, Mutex, PoisonError};

use kez_core::KeyId;
use moka::policy::EvictionPolicy;

use super::kept::Kept;

/// The chains. One that is taken out is not there until it is put back.
pub(super) struct Memory(moka::sync::Cache<KeyId, Place>);

#[derive(Clone)]
struct Place {
    kept: Arc<Mutex<Option<Kept>>>,
    weight: u32,
}

impl Memory {
    /// Keeps them in about so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let chains = moka::sync::Cache::builder().max_capacity(bytes).eviction_policy(EvictionPolicy::lru());
        Memory(chains.weigher(|_, place: &Place| place.weight).build())
    }

    /// Takes the chain out, if it is there.
    pub(super) fn take(&self, chain: &KeyId) -> Option<Kept> {
        let place = self.0.remove(chain)?;
        place.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts a chain in.
    pub(super) fn put(&self, kept: Kept) {
        let (chain, weight) = (kept.id(), kept.weight());
        self.0.insert(chain, Place { kept: Arc::new(Mutex::new(Some(kept))), weight });
    }
}
