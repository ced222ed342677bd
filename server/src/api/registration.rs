use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use super::State;
use super::conditional;
use super::schema;
use super::user::live;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_read, NotFound, Gone);

/// The signed registration of a handle, for checking the binding without trusting this server.
#[utoipa::path(get, path = "/v1/u/{handle}/registration", tag = "handles",
    params(("handle" = String, Path, description = "The handle", example = "tudisco",
            pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$"),
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "An entity tag that the client has")),
    responses((status = 200, description = "The envelope's canonical bytes.", body = schema::RegistrationEnvelope,
            headers(("ETag" = String, description = "The envelope's entity tag"))),
        Refusals))]
pub(super) async fn registration(
    registry: State,
    handle: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let entry = live(&registry, handle).await?;
    Ok(conditional::respond(&entry.registration_body))
}
