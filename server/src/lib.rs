//! The kez-chat home server: a registry of handles, WebFinger, and the web app.
//!
//! Requests pass [`front`], then `api` or the pages, then [`registry`], then the store (`kez-store`); nothing calls back up.

// A page's type holds the types of everything on it.
#![recursion_limit = "512"]

mod api;
mod backend;
mod broker;
mod cache;
pub mod callout;
mod chains;
pub mod claims;
pub mod config;
pub mod doctor;
pub mod error;
mod following;
mod front;
pub mod healthcheck;
mod identities;
pub mod init;
pub mod limits;
mod metrics;
mod pairings;
pub mod random;
pub mod registry;
mod routes;
mod web;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kez_http::guard::Guard;
use kez_http::serve;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use api::internal::Internal;
use backend::RegistryBackend;
use broker::{Broker, Ended, Upkeep};
use cache::Cache;
use callout::{Admission, BrokerKeys, Callout, Ids, Issuer, Late, LoginPolicy, Service, Unlimited};
use claims::{Board, Claims, Outside, Source};
use clock::Clock;
use config::Config;
use config::nats::{Nats, NatsFlags};
use following::{Follower, Remote};
use front::Front;
use identities::RegistryIdentities;
use kez_store::StoreError;
use kez_store::handles::{self, Policy};
use kez_store::sqlite;
use limits::Limits;
use pairings::{Heads, Pairings};
use registry::{Names, Registry};

const SECONDS_PER_DAY: i64 = 86_400;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker's settings are wrong, or the broker can never do.
    #[error("{0}")]
    Broker(String),
    /// The sigchains cannot be served.
    #[error("{0}")]
    Chains(String),
}

/// Runs a server on `listener` until `shutdown` completes, what is in flight is finished and the database is closed.
///
/// # Errors
/// When the database cannot be opened, or the broker can never do. Afterwards nothing ends the server but `shutdown`.
pub async fn run(
    config: &Config,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let outside = config.claim_checks.then(Outside::internet).and_then(|outside| {
        let warn =
            |why: &String| tracing::warn!(why, "proofs of claims are not looked at: there are no name servers to ask");
        outside.inspect_err(warn).ok()
    });
    run_with(config, clock, listener, shutdown, Parts { outside, limits: Limits::default() }).await
}

/// What tests and benchmarks may put in the place of what [`run`] takes.
#[derive(Default)]
pub struct Parts {
    /// The way out to the proofs of claims; without one, none are looked at.
    pub outside: Option<Outside>,
    /// How much the server takes of anybody.
    pub limits: Limits,
}

/// As [`run`], with these parts.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    config: &Config,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    parts: Parts,
) -> Result<(), StartError> {
    let Parts { outside, limits: allowed } = parts;
    let nats = config.nats.resolve().map_err(StartError::Broker)?;
    let export = config.export().map_err(StartError::Chains)?;
    let sig_server_token = config.sig_server_token().map_err(StartError::Chains)?;
    let release_hold_secs = i64::from(config.release_hold_days) * SECONDS_PER_DAY;
    let policy = Policy { server: config.server.clone(), release_hold_secs };
    let room = config.cache();
    let answers = Arc::new(Cache::new(room.answers / registry::ANSWER_BYTES));
    let by_key = Arc::new(Cache::new(room.keys / identities::KEY_BYTES));
    let (tell, changes) = mpsc::unbounded_channel();
    let changed: handles::Changed = {
        let (answers, by_key) = (answers.clone(), by_key.clone());
        let tells = nats.broker.is_some();
        Arc::new(move |change| {
            answers.forget(change.handle.as_str());
            by_key.forget(change.key);
            if tells {
                let handles::Change { handle, key, chain, is_end } = change;
                // The other end goes when the server does.
                let _ = tell.send(Ended { handle: handle.clone(), key: *key, chain: *chain, is_end });
            }
        })
    };
    let store = sqlite::open(&config.db, policy, changed).await?;
    let issuer = nats.issuer.as_ref().map(Issuer::new);
    let names = Names {
        server: config.server.clone(),
        public_url: config.public_url(),
        sig_server_url: config.sig_server_url(),
        nats_ws_url: config.nats.nats_ws_url.clone(),
        nats_issuer: issuer.as_ref().map(|issuer| issuer.public().to_owned()),
    };
    let registry = Arc::new(Registry::new(store.clone(), clock.clone(), names, answers.clone()));
    let chains = match &config.sig_server_url {
        None => {
            let embedded = chains::embed(config, clock.clone(), registry.clone(), store.clone(), allowed.chains).await;
            Some(embedded.map_err(StartError::Chains)?)
        }
        Some(_) => None,
    };
    let follower = config
        .sig_server_url
        .clone()
        .map(|url| Follower::new(Remote::new(url, sig_server_token), store.clone(), room.followed));
    let following = follower.as_ref().map(Follower::health);
    let follower = follower.map(|follower| tokio::spawn(follower.run()));
    let connected = match &nats.broker {
        Some(settings) => {
            let connected = Broker::connect(settings, broker_limits(&config.nats), allowed.broker).await;
            Some(connected.map_err(StartError::Broker)?)
        }
        None => None,
    };
    let (broker, doubted) = connected.unzip();
    let ids = random::key_bytes().map_err(|error| StartError::Broker(format!("no random bytes: {error}")))?;
    let callout = issuer.map(|issuer| {
        let policy = LoginPolicy {
            server: config.server.clone(),
            allow_stock_nkey: config.nats.nats_allow_stock_nkey,
            session_secs: config.nats.nats_session_secs,
        };
        let identities =
            RegistryIdentities { registry: registry.clone(), cache: by_key.clone(), broker: broker.clone() };
        let admission: Arc<dyn Admission> = match &broker {
            Some(broker) => broker.clone(),
            None => Arc::new(Unlimited),
        };
        Arc::new(Callout {
            issuer,
            policy,
            clock: clock.clone(),
            identities: Arc::new(identities),
            admission,
            ids: Ids::new(&ids),
            brokers: BrokerKeys::default(),
        })
    });
    let running = match (&broker, &callout, doubted) {
        (Some(broker), Some(callout), Some(doubted)) => {
            let service = service(&nats, callout.clone(), broker)?;
            let (registry, clock) = (registry.clone(), clock.clone());
            Some(broker.start(service, Upkeep { registry, answers, by_key, changes, doubted, clock }))
        }
        _ => None,
    };
    let board = Board::new(clock.clone(), outside);
    let source = match &chains {
        Some(service) => Source::Own(service.clone()),
        None => Source::Followed(store.clone()),
    };
    let internal = nats.internal_token.zip(callout).map(|(token, callout)| Internal { token, callout });
    let pairings = Arc::new(Pairings::new(allowed.pairings));
    let heads = match &chains {
        Some(service) => Heads::Own(service.clone()),
        None => Heads::Followed(store.clone()),
    };
    let shared = api::Shared {
        registry: registry.clone(),
        broker,
        internal: internal.map(Arc::new),
        relay: api::Relay { pairings: pairings.clone(), registry: registry.clone(), heads: Arc::new(heads) },
        chains: chains.clone(),
        claims: Arc::new(Claims::new(source, board)),
        following,
    };
    let served = chains.clone().map(|service| kez_sig_server::router(service, export));
    let (chain_routes, chain_document) = served.unzip();
    let (api, document) = api::router(shared, chain_document);
    let api = match chain_routes {
        Some(routes) => api.merge(routes),
        None => api,
    };
    let front = Arc::new(Front {
        chains: chains.clone(),
        api: api.fallback(routes::unknown),
        pages: web::router(config.web_dir(), config.watch, Arc::new(RegistryBackend::new(registry.clone(), &document))),
        guard: Guard::new(config.trusted_proxies.clone(), config.writes_per_minute, config.reads_per_second),
        registry,
    });
    let address = listener.local_addr().ok();
    let public_url = config.public_url();
    tracing::info!(address = address.map(tracing::field::display), server = %config.server, public_url, "kez-chat-server is listening");
    let housekeeping = tokio::spawn(housekeeping(front.clone(), pairings, chains));
    serve::serve(listener, front, allowed.connections, shutdown).await;
    housekeeping.abort();
    if let Some(follower) = follower {
        follower.abort();
    }
    if let Some(running) = running {
        running.stop().await;
    }
    store.close().await;
    Ok(())
}

fn broker_limits(flags: &NatsFlags) -> broker::Limits {
    broker::Limits {
        max_age: Duration::from_secs(u64::from(flags.nats_inbox_days) * 86_400),
        max_bytes: flags.nats_inbox_bytes,
        per_sender: i64::from(flags.nats_inbox_per_sender),
    }
}

fn service(nats: &Nats, callout: Arc<Callout>, broker: &Broker) -> Result<Service, StartError> {
    let xkey = nats.xkey.as_ref().map(|seed| nkeys::XKey::from_seed(seed.text())).transpose();
    let xkey = xkey.map_err(|_| StartError::Broker("--nats-xkey-seed: this is no seed".to_owned()))?;
    Ok(Service { callout, xkey, granted: broker.granted(), late: Late::default() })
}

async fn housekeeping(
    front: Arc<Front>,
    pairings: Arc<Pairings>,
    chains: Option<Arc<kez_sig_server::service::Service>>,
) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        front.guard.keep_house();
        pairings.keep_house(front.registry.now());
        if let Some(chains) = &chains {
            chains.keep_house();
        }
    }
}

pub use kez_http::clock;
pub use metrics::serve as serve_metrics;
