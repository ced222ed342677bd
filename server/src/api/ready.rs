use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::schema::{Problem, ProblemResponses};
use crate::error::{ApiError, Checks};

/// That the server can do its work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// What was looked at.
    checks: Checks,
}

/// Whether the server can do its work now.
#[utoipa::path(get, path = "/v1/readyz", tag = "server",
    responses((status = 200, description = "The server is ready.", body = Ready),
        (status = 503, description = "It is not; `checks` tells why.", body = Problem, content_type = "application/problem+json"),
        ProblemResponses))]
pub(super) async fn readyz(registry: State) -> Result<Json<Ready>, ApiError> {
    let database = if registry.is_ready().await { "ok" } else { "failed" };
    let checks = Checks { database, nats: "off", sigchain: "ok" };
    if database == "ok" { Ok(Json(Ready { status: "ready", checks })) } else { Err(ApiError::not_ready(checks)) }
}
