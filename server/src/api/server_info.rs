use std::sync::Arc;

use axum::Json;
use kez_core::Timestamp;
use kez_core::envelope::MAX_ENVELOPE_BYTES;
use kez_core::registration::{CLOCK_SKEW_SECS, MAX_BODY_BYTES};
use kez_http::openapi;
use serde::Serialize;
use utoipa::ToSchema;

use super::{EmbeddedChains, State, schema};
use crate::broker::Broker;

kez_http::refusals!(Refusals, of_read);

/// What a client needs to know before it signs.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerInfo {
    /// The name to sign for.
    #[schema(value_type = openapi::ServerName)]
    server: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The server's clock.
    #[schema(value_type = openapi::Time)]
    time: Timestamp,
    /// `open`: everybody may register.
    #[schema(schema_with = schema::open)]
    registration: &'static str,
    /// Sizes and times that the server insists on.
    limits: Limits,
    /// The message broker's WebSocket address; null when there is none.
    nats_ws_url: Option<String>,
    /// The message broker's issuer; null when there is none.
    nats_issuer: Option<String>,
    /// Whether there is a message broker, and so conversations.
    chat: bool,
    /// Where sigchains are served.
    #[schema(example = "https://kez.lat")]
    sig_server_url: String,
    /// The key that signs receipts; null when there is none.
    #[schema(value_type = Option<openapi::Key>)]
    receipt_key: Option<String>,
    /// Keys that signed receipts before.
    #[schema(value_type = Vec<openapi::Key>)]
    previous_receipt_keys: Vec<String>,
}

/// Sizes and times that the server insists on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Limits {
    /// Largest request body, in bytes.
    body_bytes: usize,
    /// Largest envelope, in canonical bytes.
    envelope_bytes: usize,
    /// Farthest that `created_at` may be from the server's clock, in seconds.
    clock_skew_secs: u64,
}

/// The server's name, clock and limits.
#[utoipa::path(get, path = "/v1/server", tag = "server",
    responses((status = 200, description = "What a client needs to know.", body = ServerInfo), Refusals))]
pub(super) async fn server(
    registry: State,
    chains: axum::extract::State<EmbeddedChains>,
    broker: axum::extract::State<Option<Arc<Broker>>>,
) -> Json<ServerInfo> {
    let names = registry.names();
    let (receipt_key, previous) = chains.as_ref().map(|service| service.receipt_keys()).unwrap_or_default();
    Json(ServerInfo {
        server: names.server.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        time: registry.now(),
        registration: "open",
        limits: Limits {
            body_bytes: MAX_BODY_BYTES,
            envelope_bytes: MAX_ENVELOPE_BYTES,
            clock_skew_secs: CLOCK_SKEW_SECS,
        },
        nats_ws_url: names.nats_ws_url.clone(),
        nats_issuer: names.nats_issuer.clone(),
        chat: broker.is_some(),
        sig_server_url: names.sig_server_url.clone(),
        receipt_key: receipt_key.map(ToString::to_string),
        previous_receipt_keys: previous.into_iter().map(ToString::to_string).collect(),
    })
}
