use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use kez_core::Handle;

use super::State;
use super::conditional;
use super::schema::{self, ProblemResponses};
use crate::error::ApiError;
use crate::registry::{Entry, Found, Registry};

/// Looks a handle up. Capital letters are folded.
#[utoipa::path(get, path = "/v1/u/{handle}", tag = "handles",
    params(("handle" = String, Path, description = "The handle", example = "tudisco"),
        ("If-None-Match" = Option<String>, Header, description = "An entity tag that the client has")),
    responses((status = 200, description = "The handle's record.", body = schema::Record,
            headers(("ETag" = String, description = "The record's entity tag"))),
        (status = 304, description = "The client has it."), ProblemResponses))]
pub(super) async fn user(registry: State, handle: Result<Path<String>, PathRejection>) -> Result<Response, ApiError> {
    let entry = live(&registry, handle).await?;
    Ok(respond(&entry))
}

/// The record of a live handle, as [`user`] answers.
pub(crate) fn respond(entry: &Entry) -> Response {
    conditional::respond(&entry.record_body)
}

/// The live handle that a path names. A path that cannot name one is not found, like one that does not.
pub(super) async fn live(
    registry: &Registry,
    path: Result<Path<String>, PathRejection>,
) -> Result<Arc<Entry>, ApiError> {
    let unknown = || ApiError::not_found("Nobody has this handle here.");
    let Path(text) = path.map_err(|_| unknown())?;
    let handle = Handle::for_lookup(&text).map_err(|_| unknown())?;
    match registry.find(&handle).await? {
        Found::Live(entry) => Ok(entry),
        Found::Released { at, chain } => Err(ApiError::gone(at, chain)),
        Found::Unknown => Err(unknown()),
    }
}
