use axum::Json;
use axum::body::Body;
use http::Request;
use kez_core::registration::MAX_BODY_BYTES;
use kez_core::{Handle, Timestamp};
use kez_http::{body, openapi};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::schema;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_own_envelope, InvalidHandle, NotFound, Gone);

/// That a handle was given back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Released {
    /// The handle.
    #[schema(value_type = openapi::Handle)]
    handle: Handle,
    /// The server's clock when it accepted the release.
    #[schema(value_type = openapi::Time)]
    released_at: Timestamp,
}

/// Gives a handle back with a signed envelope.
///
/// The key that released it may take it again at any time, another key after the server's hold.
#[utoipa::path(post, path = "/v1/release", tag = "handles", request_body = schema::ReleaseEnvelope,
    responses((status = 200, description = "The handle is released.", body = Released), Refusals))]
pub(super) async fn release(registry: State, request: Request<Body>) -> Result<Json<Released>, ApiError> {
    let (handle, released_at) = registry.release(&body::json(request, MAX_BODY_BYTES).await?).await?;
    Ok(Json(Released { handle, released_at }))
}
