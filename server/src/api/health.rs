use axum::Json;
use kez_http::openapi::ServerName;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::schema;

kez_http::refusals!(Refusals, of_read);

/// The server's vital signs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(schema_with = schema::ok)]
    status: &'static str,
    /// The server's name.
    #[schema(value_type = ServerName)]
    server: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Whether the process answers; touches nothing else.
#[utoipa::path(get, path = "/v1/healthz", tag = "server",
    responses((status = 200, description = "The server is alive.", body = Health), Refusals))]
pub(super) async fn healthz(registry: State) -> Json<Health> {
    let server = registry.names().server.to_string();
    Json(Health { status: "ok", server, version: env!("CARGO_PKG_VERSION") })
}
