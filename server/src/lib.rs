//! The kez-chat home server: a registry of handles, WebFinger, and the web app.
//!
//! Requests pass [`front`], then `api` or the pages, then [`registry`], then [`store`]; nothing calls back up.

// A page's type holds the types of everything on it.
#![recursion_limit = "512"]

mod api;
mod backend;
mod cache;
pub mod clock;
pub mod config;
pub mod error;
mod front;
mod limit;
mod metrics;
mod proxy;
mod refusal;
pub mod registry;
mod routes;
mod serve;
pub mod store;
mod unread;
mod web;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kez_core::Handle;
use tokio::net::TcpListener;

use backend::RegistryBackend;
use cache::Cache;
use clock::Clock;
use config::Config;
use front::Front;
use registry::{Names, Registry};
use store::sqlite::SqliteStore;
use store::{Policy, Store as _, StoreError};

const SECONDS_PER_DAY: i64 = 86_400;

/// Runs a server on `listener` until `shutdown` completes, what is in flight is finished and the database is closed.
///
/// # Errors
/// When the database cannot be opened. Afterwards nothing ends the server but `shutdown`.
pub async fn run(
    config: &Config,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), StoreError> {
    let policy = Policy { release_hold_secs: i64::from(config.release_hold_days) * SECONDS_PER_DAY };
    let cache = Arc::new(Cache::new());
    let stale = Arc::clone(&cache);
    let changed = Arc::new(move |handle: &Handle| stale.forget(handle));
    let store = Arc::new(SqliteStore::open(&config.db, policy, changed).await?);
    let names = Names {
        server: config.server.clone(),
        public_url: config.public_url(),
        sig_server_url: config.sig_server_url(),
    };
    let registry = Arc::new(Registry::new(store.clone(), clock, names, cache));
    let (api, document) = api::router(registry.clone());
    let front = Arc::new(Front {
        api: api.fallback(routes::unknown),
        pages: web::router(config.web_dir(), config.watch, Arc::new(RegistryBackend::new(registry.clone(), &document))),
        limiter: limit::Limiter::new(config.writes_per_minute, config.reads_per_second),
        proxies: proxy::TrustedProxies(config.trusted_proxies.clone()),
        refusal: error::ApiError::refusal(&config.server).into(),
        registry,
    });
    let address = listener.local_addr().ok();
    let public_url = config.public_url();
    tracing::info!(address = address.map(tracing::field::display), server = %config.server, public_url, "kez-chat-server is listening");
    let housekeeping = tokio::spawn(housekeeping(front.clone()));
    serve::serve(listener, front, shutdown).await;
    housekeeping.abort();
    store.close().await;
    Ok(())
}

async fn housekeeping(front: Arc<Front>) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        front.limiter.forget_quiet();
    }
}

pub use metrics::serve as serve_metrics;
