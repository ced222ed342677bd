//! The sigchains: a service of this process on the server's own database, or another server that is followed.

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::KeyId;
use kez_http::bearer::Token;
use kez_sig_server::gate::{self, Unreachable};
use kez_sig_server::limits::Limits;
use kez_sig_server::service::{ChainPolicy, Service};
use kez_store::receipt_key;
use tokio::task::JoinHandle;

use super::State;
use crate::StartError;
use crate::clock::Clock;
use crate::config::Config;
use crate::following::{Follower, Health, Remote};
use crate::registry::Registry;

/// Where the sigchains are.
pub(super) struct Chains {
    /// Those of this process, if it has them.
    pub(super) service: Option<Arc<Service>>,
    /// How those of another server are followed.
    pub(super) following: Option<Arc<Health>>,
    follower: Option<Follower>,
    running: Option<JoinHandle<()>>,
}

impl Chains {
    /// Sigchains in the database, or those of the server that the settings name.
    pub(super) async fn new(
        config: &Config,
        token: Option<Token>,
        state: &State,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Chains, StartError> {
        let Some(url) = config.sig_server_url.clone() else {
            let service = embed(config, state, clock, limits).await.map_err(StartError::Chains)?;
            return Ok(Chains { service: Some(Arc::new(service)), following: None, follower: None, running: None });
        };
        let follower = Follower::new(Remote::new(url, token), state.store.clone(), config.cache().followed);
        let following = Some(follower.health());
        Ok(Chains { service: None, following, follower: Some(follower), running: None })
    }

    /// Begins to follow another server, if there is one.
    pub(super) fn follow(&mut self) {
        self.running = self.follower.take().map(|follower| tokio::spawn(follower.run()));
    }

    pub(super) fn stop(self) {
        if let Some(running) = self.running {
            running.abort();
        }
    }
}

/// A service on the server's own database; a sentence when it cannot start.
async fn embed(config: &Config, state: &State, clock: Arc<dyn Clock>, limits: Limits) -> Result<Service, String> {
    let key = receipt_key::load_or_make(&receipt_key::path(&config.db))?;
    let policy = ChainPolicy {
        server: config.server.clone(),
        registry: Some(Arc::new(InProcess(state.registry.clone()))),
        open_genesis_per_hour: 0,
        trusted_receipt_keys: Vec::new(),
        limits,
        cache_bytes: config.cache().chains,
        hearing: state.changes.hearing(),
    };
    let service = Service::new(state.store.clone(), clock, policy, key).await;
    service.map_err(|error| format!("{}: {error}", config.db.display()))
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
