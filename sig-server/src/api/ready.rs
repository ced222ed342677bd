use axum::Json;
use serde::Serialize;

use super::State;
use crate::error::{ApiError, Checks};

#[derive(Serialize)]
pub(super) struct Ready {
    status: &'static str,
    checks: Checks,
}

/// Whether the server can do its work now.
pub(super) async fn readyz(service: State) -> Result<Json<Ready>, ApiError> {
    let (database, clock_is_right) = service.readiness().await;
    let checks = Checks {
        database: if database.is_ok() { "ok" } else { "failed" },
        clock: if clock_is_right { "ok" } else { "behind" },
    };
    if database.is_ok() && clock_is_right {
        Ok(Json(Ready { status: "ready", checks }))
    } else {
        Err(ApiError::not_ready(checks))
    }
}
