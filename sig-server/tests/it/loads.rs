//! Many chains that are not in memory, asked for at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kez_core::{Hash, KeyId, Timestamp};
use kez_http::clock::ManualClock;
use kez_sig_server::limits::Limits;
use kez_sig_server::service::{ChainPolicy, Service};
use kez_store::changes::Hearing;
use kez_store::sigchains::{Append, Log, NotStored, Row, Sigchains, Signer};
use kez_store::{Database, StoreError, sqlite};

use crate::harness::{NAME, key, name, time};

/// A store that takes its time to read a log, and counts how many are read at once.
struct Slow {
    inner: Arc<dyn Sigchains>,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Log for Slow {
    async fn log(&self, chain: &KeyId, from: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // Long enough for everybody else to arrive.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let rows = self.inner.log(chain, from, limit).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        rows
    }

    async fn by_ids(&self, chain: &KeyId, ids: &[Hash]) -> Result<Vec<Row>, StoreError> {
        self.inner.by_ids(chain, ids).await
    }

    async fn export(&self, log_index: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
        self.inner.export(log_index, limit).await
    }

    async fn chains(&self, after: Option<&KeyId>, limit: u64) -> Result<Vec<KeyId>, StoreError> {
        self.inner.chains(after, limit).await
    }

    async fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.newest().await
    }

    async fn receipt_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        self.inner.receipt_keys().await
    }

    async fn limited_since(&self) -> Result<u64, StoreError> {
        self.inner.limited_since().await
    }

    async fn checkpoint(&self, chain: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.checkpoint(chain).await
    }
}

#[async_trait]
impl Sigchains for Slow {
    async fn append(&self, append: Append) -> Result<Result<Vec<Row>, NotStored>, StoreError> {
        self.inner.append(append).await
    }

    fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>) {
        self.inner.keep_checkpoint(chain, bytes);
    }

    async fn sign_with(&self, signer: Signer) -> Result<(), StoreError> {
        self.inner.sign_with(signer).await
    }
}

#[async_trait]
impl Database for Slow {
    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_chains_are_loaded_at_once_however_many_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = sqlite::open_sigchains(&folder.path().join("sig.db"), Arc::new(())).await.expect("a store");
    let store = Arc::new(Slow { inner, now: AtomicUsize::new(0), most: AtomicUsize::new(0) });
    let policy = ChainPolicy {
        server: name(NAME),
        registry: None,
        open_genesis_per_hour: 0,
        trusted_receipt_keys: Vec::new(),
        limits: Limits { loads: 3, ..Limits::default() },
        cache_bytes: 1 << 24,
        hearing: Hearing::default(),
    };
    let clock = Arc::new(ManualClock::new(time("2026-05-25T03:00:00Z")));
    let service = Service::new(store.clone(), clock, policy, key(8)).await.expect("a service");
    let service = Arc::new(service);
    let mut asking = tokio::task::JoinSet::new();
    for seed in 0..40 {
        let service = service.clone();
        asking.spawn(async move { service.claims(&key(100 + seed).id()).await.is_err() });
    }
    assert!(asking.join_all().await.into_iter().all(|nobody| nobody), "there are none");
    assert_eq!(store.most.load(Ordering::SeqCst), 3);
    store.close().await;
}
