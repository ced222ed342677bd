//! What is kept, and what is remembered of it.

use std::sync::Arc;

use kez_sig_server::service::Service;
use kez_store::changes::Change;
use kez_store::handles::Policy;
use kez_store::{Store, sqlite};
use tokio::sync::mpsc;

use crate::StartError;
use crate::cache::Cache;
use crate::callout::Issuer;
use crate::changes::{Changes, Memory};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::nats::Nats;
use crate::identities::{self, ByKey};
use crate::limits::Limits;
use crate::registry::{self, Answers, Names, Registry};

const SECONDS_PER_DAY: i64 = 86_400;

/// The database, and the registry in front of it.
pub(super) struct State {
    pub(super) store: Arc<dyn Store>,
    pub(super) registry: Arc<Registry>,
    /// Identities by key, for logins.
    pub(super) by_key: Arc<ByKey>,
    answers: Arc<Answers>,
    pub(super) changes: Arc<Changes>,
}

impl State {
    /// Opens the database.
    pub(super) async fn open(
        config: &Config,
        nats: &Nats,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Result<State, StartError> {
        let release_hold_secs = i64::from(config.release_hold_days) * SECONDS_PER_DAY;
        let policy = Policy {
            server: config.server.clone(),
            release_hold_secs,
            key_packages: limits.key_packages.stored,
            conversations: limits.conversations.stored,
            instances: limits.instances,
        };
        let (room, changes) = (config.cache(), Arc::new(Changes::default()));
        let answers = Arc::new(Cache::new(room.answers / registry::ANSWER_BYTES, changes.hearing()));
        let by_key = Arc::new(Cache::new(room.keys / identities::KEY_BYTES, changes.hearing()));
        let store = sqlite::open(&config.db, policy, changes.clone()).await?;
        let names = Names {
            server: config.server.clone(),
            public_url: config.public_url(),
            sig_server_url: config.sig_server_url(),
            nats_ws_url: config.nats.nats_ws_url.clone(),
            nats_issuer: nats.issuer.as_ref().map(|seed| Issuer::new(seed).public().to_owned()),
        };
        let registry = Arc::new(Registry::new(store.clone(), clock, names, answers.clone()));
        Ok(State { store, registry, by_key, answers, changes })
    }

    /// Tells everything that remembers something of changes from now on.
    pub(super) fn tell(&self, chains: Option<Arc<Service>>, sessions: Option<mpsc::UnboundedSender<Change>>) {
        let mut memories: Vec<Arc<dyn Memory>> = vec![self.answers.clone(), self.by_key.clone()];
        memories.extend(chains.map(|chains| chains as Arc<dyn Memory>));
        memories.extend(sessions.map(|sessions| Arc::new(sessions) as Arc<dyn Memory>));
        self.changes.tell(memories);
    }
}
