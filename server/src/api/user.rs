use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use kez_core::Handle;

use super::State;
use super::conditional;
use super::schema;
use crate::error::{self, ApiError};
use crate::registry::{Entry, Found, Registry};

kez_http::refusals!(Refusals, of_read, NotFound, Gone);

/// Looks a handle up. Capital letters are folded.
#[utoipa::path(get, path = "/v1/u/{handle}", tag = "handles",
    params(("handle" = String, Path, description = "The handle", example = "tudisco",
            pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "An entity tag that the client has")),
    responses((status = 200, description = "The handle's record.", body = schema::Record,
            headers(("ETag" = String, description = "The record's entity tag"))),
        Refusals))]
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
        Found::Released { at, chain } => Err(error::gone(at, chain)),
        Found::Unknown => Err(unknown()),
    }
}
