use axum::Json;
use kez_core::envelope::MAX_ENVELOPE_BYTES;
use kez_core::sigchain;
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
