//! What a story needs of an engine beside the traits.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kez_core::{Handle, KeyId};
use kez_store::Store;
use kez_store::handles::{Change, Changed, Policy};
use kez_store::sigchains::Signer;

use super::people::{key, server};

/// How long a released handle is kept for the identity that had it, in seconds.
pub(crate) const HOLD_SECS: i64 = 1_000;

/// A database that is empty at first.
#[async_trait]
pub(crate) trait Engine: Sync {
    /// Opens it; `changed` hears of every change.
    async fn open_with(&self, changed: Changed) -> Arc<dyn Store>;

    /// What another process would find that opened it now, this one being dead.
    async fn after_death(&self) -> Arc<dyn Store>;

    /// Keeps everybody from writing, until what comes back is dropped by [`Engine::unblock`].
    async fn block(&self);

    /// The end of [`Engine::block`].
    async fn unblock(&self);

    /// Makes the row of a handle one that was never written.
    async fn damage_handle(&self, handle: &Handle);

    /// Makes what is known of a chain's keys something that was never written.
    async fn damage_keys(&self, chain: &KeyId);

    /// Opens it; nobody hears of changes, and receipts are signed.
    async fn open(&self) -> Arc<dyn Store> {
        let store = self.open_with(Arc::new(|_| {})).await;
        store.sign_with(signer()).await.expect("it is written");
        store
    }
}

pub(crate) fn policy() -> Policy {
    Policy { server: server(), release_hold_secs: HOLD_SECS }
}

pub(crate) fn signer() -> Signer {
    Signer { key: key(200), server: server() }
}

/// Remembers what it hears of: a handle, a key, and whether it is an end.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<(String, KeyId, bool)>>>);

impl Heard {
    pub(crate) fn listener(&self) -> Changed {
        let heard = self.clone();
        Arc::new(move |change: Change<'_>| {
            let news = (change.handle.to_string(), *change.key, change.is_end);
            heard.0.lock().expect("nobody panics").push(news);
        })
    }

    /// What was heard since the last call.
    pub(crate) fn take(&self) -> Vec<(String, KeyId, bool)> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics"))
    }
}
