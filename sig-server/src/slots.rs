//! Chains in memory. A chain is verified when it is first asked for, and kept as long as there is room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kez_core::KeyId;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, RwLock};

use crate::loaded::Loaded;

/// What one entry takes, roughly.
const BYTES_PER_ENTRY: usize = 400;

/// One chain's place in memory.
#[derive(Default)]
pub(crate) struct Slot {
    /// Held by whoever adds to the chain, from judging until it is stored.
    turn: AsyncMutex<()>,
    /// None until it is loaded, and again when it is not known what is stored.
    pub(crate) loaded: RwLock<Option<Loaded>>,
    /// How many entries the log is known to have, by what was told.
    told: AtomicU64,
}

impl Slot {
    /// Waits for the turn to add to the chain. What is loaded then is forgotten if there is more in the log.
    pub(crate) async fn take_turn(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        self.loaded.write().await.take_if(|loaded| self.lacks_some(loaded));
        turn
    }

    /// Whether there is more in the log than what is loaded, and nobody who adds to it here: they will be done shortly.
    pub(crate) fn is_behind(&self, loaded: &Loaded) -> bool {
        self.lacks_some(loaded) && self.turn.try_lock().is_ok()
    }

    fn lacks_some(&self, loaded: &Loaded) -> bool {
        self.told.load(Ordering::Acquire) > loaded.log.len() as u64
    }

    /// To be called before all of the log is read.
    pub(crate) fn reads(&self) {
        self.told.store(0, Ordering::Release);
    }
}

/// Every chain that is in use or was lately. A chain is never in two slots at once: as long as anybody holds its slot,
/// everybody gets that one.
pub(crate) struct Slots {
    all: Mutex<HashMap<KeyId, Weak<Slot>>>,
    kept: moka::sync::Cache<KeyId, Kept>,
}

#[derive(Clone)]
struct Kept {
    slot: Arc<Slot>,
    bytes: u32,
}

impl Slots {
    /// Keeps verified chains in about so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let kept = moka::sync::Cache::builder().max_capacity(bytes).weigher(|_, kept: &Kept| kept.bytes).build();
        Slots { all: Mutex::default(), kept }
    }

    /// The chain's slot, if it is kept in memory.
    pub(crate) fn kept(&self, chain: &KeyId) -> Option<Arc<Slot>> {
        self.kept.get(chain).map(|kept| kept.slot)
    }

    /// The chain's slot, which may be empty.
    pub(crate) fn get(&self, chain: &KeyId) -> Arc<Slot> {
        // Counts as use, so that what is asked for often stays.
        let _ = self.kept.get(chain);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = all.get(chain).and_then(Weak::upgrade) {
            return slot;
        }
        let slot = Arc::new(Slot::default());
        all.insert(*chain, Arc::downgrade(&slot));
        slot
    }

    /// Keeps a chain of so many entries in memory, if there is room.
    pub(crate) fn keep(&self, chain: KeyId, slot: &Arc<Slot>, entries: usize) {
        let bytes = u32::try_from((entries + 4) * BYTES_PER_ENTRY).unwrap_or(u32::MAX);
        self.kept.insert(chain, Kept { slot: slot.clone(), bytes });
    }

    /// The log of a chain has so many entries.
    pub(crate) fn heard(&self, chain: &KeyId, entries: u64) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = all.get(chain).and_then(Weak::upgrade) {
            slot.told.fetch_max(entries, Ordering::AcqRel);
        }
    }

    /// Any log may have more entries than what is loaded.
    pub(crate) fn missed(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().filter_map(Weak::upgrade).for_each(|slot| slot.told.store(u64::MAX, Ordering::Release));
    }

    /// Forgets where chains were that nobody holds any more.
    pub(crate) fn forget_unused(&self) {
        self.kept.run_pending_tasks();
        self.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, slot| slot.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use kez_core::SigningKey;

    use super::*;

    #[test]
    fn as_many_are_kept_as_there_is_room_for() {
        let slots = Slots::new(8 * 1024);
        for seed in 0..100 {
            let chain = SigningKey::from_seed(&[seed; 32]).id();
            slots.keep(chain, &slots.get(&chain), 1);
        }
        slots.forget_unused();
        assert_eq!(slots.kept.weighted_size(), 8_000, "four of 2,000 bytes");
    }
}
