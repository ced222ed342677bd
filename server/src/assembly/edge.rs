//! What requests meet: the API, the pages, and the front before both.

use std::sync::Arc;

use kez_http::guard::Guard;
use kez_sig_server::export::Export;

use super::chains::Chains;
use super::logins::Logins;
use super::state::State;
use crate::backend::RegistryBackend;
use crate::claims::{Board, Claims, Outside, Source};
use crate::clock::Clock;
use crate::config::Config;
use crate::conversations::Conversations;
use crate::front::Front;
use crate::instances::Instances;
use crate::keypackages::KeyPackages;
use crate::limits::Limits;
use crate::pairings::{Heads, Pairings};
use crate::{api, web};

/// The front, and what is behind it that has to be kept in order.
#[derive(Clone)]
pub(super) struct Edge {
    pub(super) front: Arc<Front>,
    pairings: Arc<Pairings>,
}

impl Edge {
    #[expect(clippy::too_many_arguments, reason = "all wings meet here, and nowhere else")]
    pub(super) fn new(
        config: &Config,
        state: &State,
        chains: &Chains,
        logins: &Logins,
        clock: Arc<dyn Clock>,
        export: Export,
        outside: Option<Outside>,
        limits: &Limits,
    ) -> Edge {
        let (registry, pairings) = (state.registry.clone(), Arc::new(Pairings::new(limits.pairings.clone())));
        let (source, heads) = match &chains.service {
            Some(service) => (Source::Own(service.clone()), Heads::Own(service.clone())),
            None => (Source::Followed(state.store.clone()), Heads::Followed(state.store.clone())),
        };
        let name = config.server.clone();
        let key_packages = KeyPackages::new(state.store.clone(), clock.clone(), name.clone(), &limits.key_packages);
        let conversations = Conversations::new(state.store.clone(), clock.clone(), name.clone(), &limits.conversations);
        let instances = Instances::new(state.store.clone(), clock.clone(), name);
        let shared = api::Shared {
            registry: registry.clone(),
            broker: logins.broker.clone(),
            internal: logins.internal.clone(),
            relay: api::Relay { pairings: pairings.clone(), registry: registry.clone(), heads: Arc::new(heads) },
            key_packages: Arc::new(key_packages),
            conversations: Arc::new(conversations),
            instances: Arc::new(instances),
            chains: chains.service.clone(),
            claims: Arc::new(Claims::new(source, Board::new(clock, outside))),
            following: chains.following.clone(),
        };
        let served = chains.service.clone().map(|service| kez_sig_server::router(service, export));
        let (chain_routes, chain_document) = served.unzip();
        let (api, document) = api::router(shared, chain_document);
        let api = match chain_routes {
            Some(routes) => api.merge(routes),
            None => api,
        };
        let backend = Arc::new(RegistryBackend::new(registry.clone(), &document));
        let front = Front {
            registry,
            chains: chains.service.clone(),
            api: api.fallback(kez_http::openapi::unknown),
            pages: web::router(config.web_dir(), config.watch, backend),
            guard: Guard::new(config.trusted_proxies.clone(), config.writes_per_minute, config.reads_per_second),
        };
        Edge { front: Arc::new(front), pairings }
    }

    /// Forgets whom there is nothing to know about any more.
    pub(super) fn keep_house(&self) {
        self.front.guard.keep_house();
        self.pairings.keep_house(self.front.registry.now());
    }
}
