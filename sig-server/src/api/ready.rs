use axum::Json;
use kez_http::openapi::{self, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::error::{self, ApiError, Checks};

kez_http::refusals!(Refusals, of_read);

/// That the server can do its work.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// Always `ready`.
    #[schema(schema_with = openapi::ready)]
    status: &'static str,
    /// What was looked at.
    checks: Checks,
}

/// Whether the server can do its work now.
#[utoipa::path(get, path = "/v1/readyz", tag = "server",
    responses((status = 200, description = "The server is ready.", body = Ready), Refusals,
        (status = 503, description = "It is not; `checks` tells why.", body = Problem,
            content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds to wait.")))))]
pub(super) async fn readyz(service: State) -> Result<Json<Ready>, ApiError> {
    let (database, clock_is_right) = service.readiness().await;
    let checks = Checks {
        database: if database.is_ok() { "ok" } else { "failed" },
        clock: if clock_is_right { "ok" } else { "behind" },
    };
    if database.is_ok() && clock_is_right {
        Ok(Json(Ready { status: "ready", checks }))
    } else {
        Err(error::not_ready(checks))
    }
}
