//! The sigchain service inside this process, on the registry's own database.

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::KeyId;
use kez_http::clock::Clock;
use kez_sig_server::checkpoint::Seal;
use kez_sig_server::gate::{self, Unreachable};
use kez_sig_server::limits::Limits;
use kez_sig_server::sealer;
use kez_sig_server::service::{Policy, Service};
use kez_store::receipt_key;
use kez_store::sqlite::SqliteStore;

use crate::config::Config;
use crate::registry::Registry;
use kez_store::handles::Changed;
use kez_store::sqlite::registry::Chains;

/// The service and the store under it.
pub(crate) struct Embedded {
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<SqliteStore>,
}

/// Starts the service on the database that `registry` has open; `changed` hears of every key that a chain touches.
///
/// # Errors
/// A sentence that says why it cannot start.
pub(crate) async fn embed(
    config: &Config,
    clock: Arc<dyn Clock>,
    registry: Arc<Registry>,
    changed: Changed,
    limits: Limits,
) -> Result<Embedded, String> {
    let key = receipt_key::load_or_make(&receipt_key::path(&config.db))?;
    let (key_id, seal) = (key.id(), Seal::of(&key));
    let say = |error: kez_store::StoreError| format!("{}: {error}", config.db.display());
    let companion = Arc::new(Chains { server: config.server.clone(), changed });
    let store = SqliteStore::within(&config.db, sealer(key, config.server.clone()), companion).await.map_err(say)?;
    let store = Arc::new(store);
    let policy = Policy {
        server: config.server.clone(),
        registry: Some(Arc::new(InProcess(registry))),
        open_genesis_per_hour: 0,
        trusted_receipt_keys: Vec::new(),
        limits,
        cache_bytes: config.cache().chains,
    };
    let service = Arc::new(Service::new(store.clone(), clock, policy, key_id, seal).await.map_err(say)?);
    Ok(Embedded { service, store })
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
