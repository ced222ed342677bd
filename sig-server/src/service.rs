//! The service: chains in memory in front of the store, and everything that is asked of them.

mod append;
mod import;
mod reading;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kez_core::sigchain::{Claim, Head};
use kez_core::{Hash, KeyId, ServerName, SigningKey, Sorted, Timestamp};
use kez_http::clock::Clock;
use tokio::sync::Semaphore;

use crate::checkpoint::Seal;
use crate::gate::{Gate, Registry};
use crate::heavy::Heavy;
use crate::limits::Limits;
use crate::loaded::{Loaded, Trust, load_kept};
use crate::places::Places;
use crate::refused::Refused;
use crate::seen::Seen;
use crate::slots::{Slot, Slots};
use kez_store::StoreError;
use kez_store::changes::{Change, Hearing};
use kez_store::sigchains::{Row, Sigchains, Signer};

pub use append::{Appended, Expected};
pub use import::{Expecting, Imported};
pub use reading::{AuditPages, EventPages, ExportPages};

use reading::compare;

/// How far the clock may be behind a chain's last entry, in seconds.
const CLOCK_SKEW_SECS: i64 = 300;

/// What the operator decided.
pub struct ChainPolicy {
    /// The server's name.
    pub server: ServerName,
    /// Who knows which keys own handles; without it nobody does.
    pub registry: Option<Arc<dyn Registry>>,
    /// Chains of keys without a handle that may start in an hour.
    pub open_genesis_per_hour: u32,
    /// Keys of other servers whose receipts are believed in an imported log.
    pub trusted_receipt_keys: Vec<KeyId>,
    /// How much is taken of anybody.
    pub limits: Limits,
    /// Memory for what was read and verified lately, in bytes, roughly.
    pub cache_bytes: u64,
    /// Whether chains in memory may be believed.
    pub hearing: Hearing,
}

/// The sigchain service.
pub struct Service {
    store: Arc<dyn Sigchains>,
    clock: Arc<dyn Clock>,
    server: ServerName,
    gate: Gate,
    slots: Slots,
    hearing: Hearing,
    /// Keys that ever signed receipts here, the oldest first and the one that signs now last, and since when there are limits.
    trust: Trust,
    seal: Seal,
    /// Chains that may be loaded at once: verifying them takes processors, and threads that others wait for.
    loads: Semaphore,
    trusted: Vec<KeyId>,
    limits: Limits,
    /// The latest `received_at` of all entries, as Unix seconds.
    newest: AtomicI64,
    /// For those who read the log of all chains: hundreds get their pages one after the other, and others find a processor free.
    exporting: Semaphore,
    /// Who hands in a log.
    imports: Places,
    /// Where logs that were handed in are judged, one at a time and apart from `heavy`, so that others wait for none of them.
    judging: Heavy,
    /// Where rows are verified.
    heavy: Heavy,
    /// Rows whose receipts were verified.
    seen: Arc<Seen>,
}

impl Service {
    /// A service on `store`, whose receipts are signed by `key`.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn new(
        store: Arc<dyn Sigchains>,
        clock: Arc<dyn Clock>,
        policy: ChainPolicy,
        key: SigningKey,
    ) -> Result<Self, StoreError> {
        let (seal, server) = (Seal::of(&key), policy.server.clone());
        let signer = Signer { key, server };
        let key = signer.key();
        store.sign_with(signer).await?;
        let mut keys = store.receipt_keys().await?;
        // An older key may be in use again.
        keys.retain(|known| *known != key);
        keys.push(key);
        let limited_since = store.limited_since().await?;
        let newest = store.newest().await?.map_or(i64::MIN, Timestamp::unix);
        let Limits { loads, imports, .. } = policy.limits;
        let gate = Gate::new(policy.registry, policy.open_genesis_per_hour);
        let for_rows = policy.cache_bytes / 16;
        Ok(Service {
            store,
            clock,
            server: policy.server,
            gate,
            slots: Slots::new(policy.cache_bytes - for_rows),
            hearing: policy.hearing,
            trust: Trust { keys, limited_since },
            seal,
            loads: Semaphore::new(loads),
            trusted: policy.trusted_receipt_keys,
            limits: policy.limits,
            newest: AtomicI64::new(newest),
            exporting: Semaphore::new(places()),
            imports: Places::new(imports),
            judging: Heavy::new(1).map_err(no_thread)?,
            heavy: Heavy::new(places()).map_err(no_thread)?,
            seen: Arc::new(Seen::new(for_rows)),
        })
    }

    /// The server's name.
    #[must_use]
    pub const fn server(&self) -> &ServerName {
        &self.server
    }

    /// How much is taken of anybody.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The key that signs receipts, and those that did before, the newest first.
    #[must_use]
    pub fn receipt_keys(&self) -> (Option<&KeyId>, Vec<&KeyId>) {
        let mut newest_first = self.trust.keys.iter().rev();
        (newest_first.next(), newest_first.collect())
    }

    /// Whether the store can be read and written, and whether the clock can be right.
    pub async fn readiness(&self) -> (Result<(), StoreError>, bool) {
        (self.store.check().await, !self.is_behind(self.newest.load(Ordering::SeqCst)))
    }

    /// What `ask` makes of a chain.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when there is no such chain, [`Refused::Store`], [`Refused::Damaged`].
    pub async fn look<T>(&self, chain: &KeyId, ask: impl FnOnce(&Loaded, Head) -> Option<T>) -> Result<T, Refused> {
        let slot = self.slot(chain).await?;
        let loaded = slot.loaded.read().await;
        let found = loaded.as_ref().and_then(|loaded| ask(loaded, loaded.chain.head()?));
        found.ok_or(Refused::NotFound)
    }

    /// What `ask` makes of a chain that is in memory and that nobody changes just now.
    pub(crate) fn look_now<T>(&self, chain: &KeyId, ask: impl FnOnce(&Loaded, Head) -> T) -> Option<T> {
        let slot = self.slots.kept(chain)?;
        let loaded = slot.loaded.try_read().ok()?;
        let loaded = loaded.as_ref().filter(|loaded| self.is_current(&slot, loaded))?;
        Some(ask(loaded, loaded.chain.head()?))
    }

    /// The current claims of a chain, by their ids.
    ///
    /// # Errors
    /// As [`Service::look`].
    pub async fn claims(&self, chain: &KeyId) -> Result<Sorted<Hash, Claim>, Refused> {
        self.look(chain, |loaded, _| Some(loaded.chain.state()?.claims.clone())).await
    }

    /// A chain in the store changed, whoever changed it.
    pub fn heard(&self, change: &Change) {
        if let Some(entries) = change.entries {
            self.slots.heard(&change.chain, entries);
        }
    }

    /// Any chain in the store may have changed.
    pub fn missed(&self) {
        self.slots.missed();
    }

    /// Forgets chains that nobody asked for lately.
    pub fn keep_house(&self) {
        self.slots.forget_unused();
    }

    /// The row of one event, checked against what was verified.
    async fn row(&self, chain: &KeyId, id: &Hash) -> Result<Row, Refused> {
        let row = self.store.by_ids(chain, &[*id]).await?.pop().ok_or(Refused::NotFound)?;
        let log = self.look(chain, |loaded, _| Some(loaded.log.clone())).await?;
        compare(chain, &log, &row).map(|()| row)
    }

    /// The chain's slot, loaded.
    async fn slot(&self, chain: &KeyId) -> Result<Arc<Slot>, Refused> {
        let slot = self.slots.get(chain);
        let is_current = |loaded: &Option<Loaded>| loaded.as_ref().is_some_and(|loaded| self.is_current(&slot, loaded));
        if is_current(&*slot.loaded.read().await) {
            return Ok(slot);
        }
        {
            let mut place = slot.loaded.write().await;
            if !is_current(&place) {
                slot.reads();
                // The semaphore is never closed, so a place always comes.
                let _permit = self.loads.acquire().await.ok();
                let mut loaded = load_kept(&*self.store, *chain, &self.trust, &self.seal).await?;
                if !loaded.log.is_empty() {
                    self.slots.keep(*chain, &slot, loaded.log.len());
                    self.keep_checkpoint(&mut loaded);
                }
                *place = Some(loaded);
            }
        }
        Ok(slot)
    }

    /// Sees to it that little has to be verified when the chain is loaded the next time.
    fn keep_checkpoint(&self, loaded: &mut Loaded) {
        if loaded.since_kept() >= self.limits.unkept {
            loaded.keep();
            self.store.keep_checkpoint(loaded.chain.id(), self.seal.close(loaded));
        }
    }

    fn is_current(&self, slot: &Slot, loaded: &Loaded) -> bool {
        self.hearing.is_on() && !slot.is_behind(loaded)
    }

    fn is_behind(&self, last: i64) -> bool {
        last.saturating_sub(self.now().unix()) > CLOCK_SKEW_SECS
    }
}

fn no_thread(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("no thread for what takes long: {error}"))
}

/// How much of what takes long is done at once: there is a processor left for each of them.
fn places() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1))
}
