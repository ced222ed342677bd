//! The sigchain server: append-only logs of key events, verified before they are stored.
//!
//! Requests pass `front`, then `api`, then [`service`], then the store (`kez-store`); nothing calls back up.

mod api;
pub mod check;
pub mod checkpoint;
pub mod config;
mod cost;
pub mod error;
pub mod export;
mod front;
pub mod gate;
mod heavy;
pub mod limits;
pub mod loaded;
mod places;
pub mod refused;
mod seen;
pub mod service;
mod slots;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kez_http::clock::Clock;
use kez_http::guard::Guard;
use kez_http::serve::{self, ConnectionLimits};
use tokio::net::TcpListener;

use config::Config;
use front::Front;
use gate::{HttpRegistry, Registry};
use kez_store::StoreError;
use kez_store::changes::Hearing;
use kez_store::sigchains::Log as _;
use kez_store::{receipt_key, sqlite};
use limits::Limits;
use service::{ChainPolicy, Service};

pub use api::{chains as router, in_memory};
pub use cost::cost;
pub use front::template;

/// Runs a server on `listener` until `shutdown` completes, what is in flight is finished and the database is closed.
///
/// # Errors
/// A sentence that says why it cannot start. Afterwards nothing ends the server but `shutdown`.
pub async fn run(
    config: &Config,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), String> {
    run_with(config, clock, listener, shutdown, Limits::default()).await
}

/// As [`run`], with these limits.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    config: &Config,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    limits: Limits,
) -> Result<(), String> {
    let export = config.export()?;
    let say = |error: StoreError| format!("{}: {error}", config.db.display());
    // First of all: until it is clear that nobody else has the database, nothing is made beside it.
    let store = sqlite::open_sigchains(&config.db, Arc::new(())).await.map_err(say)?;
    let key = receipt_key::load_or_make(&receipt_key::path(&config.db))?;
    let key_id = key.id();
    let registry = config.registry_url().map(|url| Arc::new(HttpRegistry::new(url)) as Arc<dyn Registry>);
    let policy = ChainPolicy {
        server: config.server.clone(),
        registry,
        open_genesis_per_hour: config.open_genesis_per_hour,
        trusted_receipt_keys: config.trusted_receipt_keys.clone(),
        limits,
        cache_bytes: u64::from(config.cache_mib) << 20,
        // Nobody else writes to the file.
        hearing: Hearing::default(),
    };
    let service = Arc::new(Service::new(store.clone(), clock, policy, key).await.map_err(say)?);
    let front = Arc::new(Front {
        server: config.server.clone(),
        service: service.clone(),
        api: api::router(service.clone(), export),
        guard: Guard::new(config.trusted_proxies.clone(), config.writes_per_minute, config.reads_per_second),
    });
    let address = listener.local_addr().ok();
    let public_url = config.public_url();
    tracing::info!(address = address.map(tracing::field::display), server = %config.server, public_url, receipt_key = %key_id, "kez-sig-server is listening");
    let housekeeping = tokio::spawn(housekeeping(front.clone(), service));
    serve::serve(listener, front, ConnectionLimits::default(), shutdown).await;
    housekeeping.abort();
    store.close().await;
    Ok(())
}

/// Verifies the whole store, with the receipt keys that it knows.
///
/// # Errors
/// A sentence that says why the store cannot be read.
pub async fn verify(config: &Config) -> Result<check::Report, String> {
    if !config.db.exists() {
        return Err(format!("{}: there is no such database", config.db.display()));
    }
    let log = sqlite::read(&config.db);
    let say = |error: StoreError| format!("{}: {error}", config.db.display());
    let keys = log.receipt_keys().await.map_err(say)?;
    check::check(&log, &keys).await.map_err(say)
}

async fn housekeeping(front: Arc<Front>, service: Arc<Service>) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        front.guard.keep_house();
        service.keep_house();
    }
}
