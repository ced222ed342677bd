//! The log of a program, and what it says of each request.

use std::io::IsTerminal as _;
use std::time::Duration;

use http::{Method, StatusCode};
use tracing_subscriber::EnvFilter;

use crate::client::Client;

/// Starts the log: text for people at a terminal, one JSON object a line for everything else.
pub fn start(filter: &str) {
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).with_current_span(false).init();
    }
}

/// One line for a request that was answered. `route` is a template, never a path.
pub fn answered(method: &Method, route: &'static str, client: Client, status: StatusCode, took: Duration) {
    let (code, micros) = (status.as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    if status.is_server_error() {
        tracing::warn!(%method, route, status = code, %client, micros, "request failed");
    } else if matches!(*method, Method::POST | Method::PUT) {
        tracing::info!(%method, route, status = code, %client, micros, "request answered");
    } else {
        tracing::debug!(%method, route, status = code, %client, micros, "request answered");
    }
}
