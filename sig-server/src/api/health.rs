use axum::Json;
use serde::Serialize;

use super::State;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    server: String,
    version: &'static str,
}

/// Whether the process answers; touches nothing else.
pub(super) async fn healthz(service: State) -> Json<Health> {
    Json(Health { status: "ok", server: service.server().to_string(), version: env!("CARGO_PKG_VERSION") })
}
