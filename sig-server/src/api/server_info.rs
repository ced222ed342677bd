use axum::Json;
use kez_core::envelope::MAX_ENVELOPE_BYTES;
use kez_core::sigchain::{MAX_CLAIMS, MAX_DEVICES, MAX_ENTRIES, MAX_PER_DEVICE, MAX_UNLISTED};
use kez_core::{KeyId, Timestamp};
use serde::Serialize;

use super::State;

#[derive(Serialize)]
pub(super) struct ServerInfo {
    server: String,
    version: &'static str,
    time: Timestamp,
    limits: Limits,
    receipt_key: Option<KeyId>,
    previous_receipt_keys: Vec<KeyId>,
}

#[derive(Serialize)]
struct Limits {
    envelope_bytes: usize,
    entries: usize,
    entries_per_device: usize,
    devices: usize,
    claims: usize,
    unlisted_events: usize,
}

/// The server's name, clock, limits and receipt keys.
pub(super) async fn server(service: State) -> Json<ServerInfo> {
    let (current, previous) = service.receipt_keys();
    Json(ServerInfo {
        server: service.server().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        time: service.now(),
        limits: Limits {
            envelope_bytes: MAX_ENVELOPE_BYTES,
            entries: MAX_ENTRIES,
            entries_per_device: MAX_PER_DEVICE,
            devices: MAX_DEVICES,
            claims: MAX_CLAIMS,
            unlisted_events: MAX_UNLISTED,
        },
        receipt_key: current.copied(),
        previous_receipt_keys: previous.into_iter().copied().collect(),
    })
}
