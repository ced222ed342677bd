//! What a story needs of an engine beside the traits.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kez_core::{Handle, KeyId};
use kez_store::Store;
use kez_store::changes::{Change, Listener};
use kez_store::handles::Policy;
use kez_store::sigchains::Signer;
use kez_store::{conversations, key_packages};

use super::people::{key, server};

/// How long a released handle is kept for the identity that had it, in seconds.
pub(crate) const HOLD_SECS: i64 = 1_000;

/// A database that is empty at first.
#[async_trait]
pub(crate) trait Engine: Sync {
    /// Opens it; `listener` hears of every change.
    async fn open_with(&self, listener: Arc<dyn Listener>) -> Arc<dyn Store>;

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

    /// How many rows are kept of: packages, also of those that are gone; last resorts; uploads; claims; their answers; and
    /// packages that somebody got of another.
    async fn rows_of_packages(&self) -> [i64; 6];

    /// How many packages are kept of a device, the last resort too.
    async fn packages_of(&self, device: &KeyId) -> i64;

    /// How many rows are kept of: conversations; commits; starters. And how many bytes of commits are counted for all of these.
    async fn rows_of_conversations(&self) -> [i64; 4];

    /// How many rows are kept of instances: those of devices, envelopes, and instances that another one followed.
    async fn rows_of_instances(&self) -> [i64; 3];

    /// Opens it; nobody hears of changes, and receipts are signed.
    async fn open(&self) -> Arc<dyn Store> {
        let store = self.open_with(Arc::new(())).await;
        store.sign_with(signer()).await.expect("it is written");
        store
    }
}

/// Little room, so that stories may fill it.
pub(crate) fn policy() -> Policy {
    Policy {
        server: server(),
        release_hold_secs: HOLD_SECS,
        key_packages: key_packages::Limits { remembered: 100, ..key_packages::Limits::default() },
        conversations: conversations::Limits {
            log_bytes: 8 << 10,
            starter_bytes: 64 << 10,
            ..conversations::Limits::default()
        },
        instances: Default::default(),
    }
}

pub(crate) fn signer() -> Signer {
    Signer { key: key(200), server: server() }
}

/// Remembers what it hears of.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Change>>>);

impl Listener for Heard {
    fn changed(&self, change: &Change) {
        self.0.lock().expect("nobody panics").push(change.clone());
    }

    fn hears(&self, _: bool) {}
}

impl Heard {
    pub(crate) fn listener(&self) -> Arc<dyn Listener> {
        Arc::new(self.clone())
    }

    /// What was heard since the last call.
    pub(crate) fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics"))
    }

    /// The same, of handles: each with a key, and whether it is an end.
    pub(crate) fn take(&self) -> Vec<(String, KeyId, bool)> {
        let of = |change: Change| {
            let handle = change.handle.map(|handle| handle.to_string());
            let keys = change.keys.into_iter();
            keys.filter_map(move |(key, is_end)| Some((handle.clone()?, key, is_end)))
        };
        self.changes().into_iter().flat_map(of).collect()
    }
}
