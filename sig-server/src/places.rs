//! Places for those who hand in whole logs: a few for all, and one for each chain.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kez_core::KeyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long somebody waits for a place. Nothing of the log is read meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who has a place.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    chains: Arc<Mutex<HashSet<KeyId>>>,
}

/// A place, free again when this is dropped.
pub(crate) struct Place {
    chain: KeyId,
    chains: Arc<Mutex<HashSet<KeyId>>>,
    /// None before it is known whether there is one.
    _one_of_all: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(crate) fn new(all: usize) -> Self {
        Places { all: Arc::new(Semaphore::new(all)), chains: Arc::default() }
    }

    /// A place for a log of this chain; none when somebody hands one in just now, or all places stay taken.
    pub(crate) async fn take(&self, chain: KeyId) -> Option<Place> {
        let chains = self.chains.clone();
        if !lock(&chains).insert(chain) {
            return None;
        }
        let mut place = Place { chain, chains, _one_of_all: None };
        place._one_of_all = tokio::time::timeout(PATIENCE, self.all.clone().acquire_owned()).await.ok()?.ok();
        Some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.chains).remove(&self.chain);
    }
}

fn lock(chains: &Mutex<HashSet<KeyId>>) -> std::sync::MutexGuard<'_, HashSet<KeyId>> {
    chains.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use kez_core::SigningKey;

    use super::*;

    #[tokio::test]
    async fn one_a_chain_and_a_few_for_all() {
        let chain = |seed| SigningKey::from_seed(&[seed; 32]).id();
        let places = Places::new(2);
        let first = places.take(chain(1)).await.expect("there is room");
        assert!(places.take(chain(1)).await.is_none(), "at once, although there is room");
        let second = places.take(chain(2)).await.expect("there is room");
        let mut third = std::pin::pin!(places.take(chain(3)));
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(first);
        let third = third.await.expect("a place came free");
        assert!(places.take(chain(3)).await.is_none());
        drop((second, third));
        assert!(places.take(chain(1)).await.is_some() && places.take(chain(3)).await.is_some());
        // Whoever gives up waiting leaves nothing behind.
        let held = [places.take(chain(4)).await, places.take(chain(5)).await];
        {
            let mut waiting = std::pin::pin!(places.take(chain(6)));
            assert!(futures_util::poll!(&mut waiting).is_pending());
        }
        drop(held);
        assert!(places.take(chain(6)).await.is_some());
    }
}
