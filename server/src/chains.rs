//! The sigchain service inside this process, on the registry's own database.

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::KeyId;
use kez_http::clock::Clock;
use kez_sig_server::gate::{self, Unreachable};
use kez_sig_server::limits::Limits;
use kez_sig_server::service::{ChainPolicy, Service};
use kez_store::sigchains::Sigchains;
use kez_store::{StoreError, receipt_key};

use crate::config::Config;
use crate::registry::Registry;

/// Starts the service on the database that `registry` has open.
///
/// # Errors
/// A sentence that says why it cannot start.
pub(crate) async fn embed(
    config: &Config,
    clock: Arc<dyn Clock>,
    registry: Arc<Registry>,
    store: Arc<dyn Sigchains>,
    limits: Limits,
) -> Result<Arc<Service>, String> {
    let key = receipt_key::load_or_make(&receipt_key::path(&config.db))?;
    let say = |error: StoreError| format!("{}: {error}", config.db.display());
    let policy = ChainPolicy {
        server: config.server.clone(),
        registry: Some(Arc::new(InProcess(registry))),
        open_genesis_per_hour: 0,
        trusted_receipt_keys: Vec::new(),
        limits,
        cache_bytes: config.cache().chains,
    };
    Service::new(store, clock, policy, key).await.map(Arc::new).map_err(say)
}

/// The registry of this process, as the gate for new chains asks it.
struct InProcess(Arc<Registry>);

#[async_trait]
impl gate::Registry for InProcess {
    async fn chain_of(&self, key: &KeyId) -> Result<Option<KeyId>, Unreachable> {
        // Logged where it happened.
        let found = self.0.find_by_key(key).await;
        let record = found.map_err(|_| Unreachable("its database is away".to_owned()))?;
        Ok(record.map(|record| record.chain))
    }
}
