use axum::Json;
use kez_core::envelope::MAX_ENVELOPE_BYTES;
use kez_core::sigchain;
use kez_core::{KeyId, Timestamp};
use kez_http::openapi;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;

kez_http::refusals!(Refusals, of_read);

/// What a client needs to know before it signs.
#[derive(Serialize, ToSchema)]
pub(super) struct ServerInfo {
    /// The name that chains of this store name as their home.
    #[schema(value_type = openapi::ServerName)]
    server: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The server's clock.
    #[schema(value_type = openapi::Time)]
    time: Timestamp,
    /// How much of one chain the server takes.
    limits: Limits,
    /// The key that signs receipts.
    #[schema(value_type = Option<openapi::Key>)]
    receipt_key: Option<KeyId>,
    /// Keys that signed receipts before.
    #[schema(value_type = Vec<openapi::Key>)]
    previous_receipt_keys: Vec<KeyId>,
}

/// How much of one chain the server takes: sizes in canonical bytes, and numbers.
#[derive(Serialize, ToSchema)]
struct Limits {
    envelope_bytes: usize,
    chain_bytes: u64,
    reserved_bytes: u64,
    entries: usize,
    entries_per_device: usize,
    entries_per_key_and_day: usize,
    devices: usize,
    claims: usize,
    unlisted_events: usize,
    reason_characters: usize,
}

/// The server's name, clock, limits and receipt keys.
#[utoipa::path(get, path = "/v1/server", tag = "server",
    responses((status = 200, description = "What a client needs to know.", body = ServerInfo), Refusals))]
pub(super) async fn server(service: State) -> Json<ServerInfo> {
    let (current, previous) = service.receipt_keys();
    let sigchain::Limits { devices, claims, unlisted, by_device, a_day, reason, bytes, reserve, entries } =
        service.limits().chain;
    Json(ServerInfo {
        server: service.server().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        time: service.now(),
        limits: Limits {
            envelope_bytes: MAX_ENVELOPE_BYTES,
            chain_bytes: bytes,
            reserved_bytes: reserve,
            entries,
            entries_per_device: by_device,
            entries_per_key_and_day: a_day,
            devices,
            claims,
            unlisted_events: unlisted,
            reason_characters: reason,
        },
        receipt_key: current.copied(),
        previous_receipt_keys: previous.into_iter().copied().collect(),
    })
}
