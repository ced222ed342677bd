use axum::Json;
use kez_http::health::Health;

use super::State;

kez_http::refusals!(Refusals, of_read);

/// Whether the process answers; touches nothing else.
#[utoipa::path(get, path = "/v1/healthz", tag = "server",
    responses((status = 200, description = "The server is alive.", body = Health), Refusals))]
pub(super) async fn healthz(service: State) -> Json<Health> {
    Json(Health::of(service.server()))
}
