use axum::Json;
use axum::body::Body;
use http::header::LOCATION;
use http::{HeaderName, Request, StatusCode};
use kez_core::Record;
use kez_core::registration::MAX_BODY_BYTES;
use kez_http::body;

use super::State;
use super::schema;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_own_envelope, InvalidHandle, ReservedHandle, HandleTaken, KeyAlreadyRegistered);

/// Takes a handle with a signed envelope.
///
/// Asking again with the same key is safe: `200` gives the record that is there.
#[utoipa::path(post, path = "/v1/register", tag = "handles", request_body = schema::RegistrationEnvelope,
    responses((status = 201, description = "The handle is yours.", body = schema::Record,
            headers(("Location" = String, description = "Path of the record"))),
        (status = 200, description = "It was yours already.", body = schema::Record,
            headers(("Location" = String, description = "Path of the record"))),
        Refusals))]
pub(super) async fn register(
    registry: State,
    request: Request<Body>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Record>), ApiError> {
    let (record, created) = registry.register(&body::json(request, MAX_BODY_BYTES).await?).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(LOCATION, format!("/v1/u/{}", record.handle))], Json(record)))
}
