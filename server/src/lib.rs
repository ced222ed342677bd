//! The kez-chat home server: a registry of handles, WebFinger, and the web app.
//!
//! Requests pass `front`, then `api` or the pages, then [`registry`], then the store (`kez-store`); nothing calls back up.
//! `assembly` puts all of it together.

// A page's type holds the types of everything on it.
#![recursion_limit = "512"]

mod api;
mod assembly;
mod backend;
mod broker;
mod cache;
pub mod callout;
mod changes;
pub mod claims;
pub mod config;
mod conversations;
pub mod doctor;
pub mod error;
mod following;
mod front;
pub mod healthcheck;
mod identities;
pub mod init;
mod instances;
mod keypackages;
pub mod limits;
mod metrics;
mod pairings;
pub mod random;
pub mod refused;
pub mod registry;
mod routes;
mod web;

use std::future::Future;
use std::sync::Arc;

use kez_store::StoreError;
use tokio::net::TcpListener;

use claims::Outside;
use clock::Clock;
use config::Config;
use limits::Limits;

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

pub use assembly::run_with;
pub use kez_http::clock;
pub use metrics::serve as serve_metrics;
