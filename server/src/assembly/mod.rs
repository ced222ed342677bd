//! The server, put together: one constructor a wing, each in a file of its own, and here how they stand to each other.

mod chains;
mod edge;
mod logins;
mod state;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kez_http::serve;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::config::Config;
use crate::{Parts, StartError};
use chains::Chains;
use edge::Edge;
use logins::Logins;
use state::State;

/// How often what nobody needs any more is thrown away.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// As [`run`](crate::run), with these parts: puts the server together, runs it until `shutdown` completes, and takes it
/// apart.
///
/// # Errors
/// As [`run`](crate::run).
pub async fn run_with(
    config: &Config,
    clock: Arc<dyn Clock>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    parts: Parts,
) -> Result<(), StartError> {
    let Parts { outside, limits } = parts;
    // What was set wrong is found before anything is opened.
    let nats = config.nats.resolve().map_err(StartError::Broker)?;
    let export = config.export().map_err(StartError::Chains)?;
    let token = config.sig_server_token().map_err(StartError::Chains)?;

    let state = State::open(config, &nats, clock.clone(), &limits).await?;
    let mut chains = Chains::new(config, token, &state, clock.clone(), limits.chains.clone()).await?;
    let (sessions, ended) = mpsc::unbounded_channel();
    // Before anything runs that changes or remembers something.
    state.tell(chains.service.clone(), nats.broker.is_some().then_some(sessions));
    chains.follow();
    let logins = Logins::start(config, nats, &state, ended, clock.clone(), limits.broker.clone()).await?;
    let edge = Edge::new(config, &state, &chains, &logins, clock, export, outside, &limits);

    let address = listener.local_addr().ok();
    let public_url = config.public_url();
    tracing::info!(address = address.map(tracing::field::display), server = %config.server, public_url, "kez-chat-server is listening");
    let housekeeping = tokio::spawn(housekeeping(edge.clone(), chains.service.clone()));
    serve::serve(listener, edge.front.clone(), limits.connections, shutdown).await;
    housekeeping.abort();
    chains.stop();
    logins.stop().await;
    state.store.close().await;
    Ok(())
}

async fn housekeeping(edge: Edge, chains: Option<Arc<kez_sig_server::service::Service>>) {
    let mut rounds = tokio::time::interval(HOUSEKEEPING);
    loop {
        rounds.tick().await;
        edge.keep_house();
        if let Some(chains) = &chains {
            chains.keep_house();
        }
    }
}
