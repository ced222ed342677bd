use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use super::State;
use super::conditional;
use super::schema::{self, ProblemResponses};
use super::user::live;
use crate::error::ApiError;

/// The signed registration of a handle, for checking the binding without trusting this server.
#[utoipa::path(get, path = "/v1/u/{handle}/registration", tag = "handles",
    params(("handle" = String, Path, description = "The handle", example = "tudisco"),
        ("If-None-Match" = Option<String>, Header, description = "An entity tag that the client has")),
    responses((status = 200, description = "The envelope's canonical bytes.", body = schema::RegistrationEnvelope,
            headers(("ETag" = String, description = "The envelope's entity tag"))),
        (status = 304, description = "The client has it."), ProblemResponses))]
pub(super) async fn registration(
    registry: State,
    handle: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let entry = live(&registry, handle).await?;
    Ok(conditional::respond(&entry.registration_body))
}
