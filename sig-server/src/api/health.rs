use axum::Json;
use kez_http::openapi;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::schema;

kez_http::refusals!(Refusals, of_read);

/// The server's vital signs.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    #[schema(schema_with = schema::ok)]
    status: &'static str,
    /// The server's name.
    #[schema(value_type = openapi::ServerName)]
    server: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Whether the process answers; touches nothing else.
#[utoipa::path(get, path = "/v1/healthz", tag = "server",
    responses((status = 200, description = "The server is alive.", body = Health), Refusals))]
pub(super) async fn healthz(service: State) -> Json<Health> {
    Json(Health { status: "ok", server: service.server().to_string(), version: env!("CARGO_PKG_VERSION") })
}
