use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{Request, StatusCode};
use kez_core::KeyId;
use kez_core::key_packages::MAX_UPLOAD_BYTES;
use kez_http::client::Client;
use kez_http::{body, openapi};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::error::ApiError;
use crate::keypackages::KeyPackages;

kez_http::refusals!(Refusals, of_envelope, KeyNotAuthorised, TooManyKeyPackages);

/// What is here of a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldPackages {
    /// The device's key.
    #[schema(value_type = openapi::Key)]
    device: KeyId,
    /// One-time packages that wait to be claimed.
    #[schema(maximum = 100)]
    available: u64,
    /// Whether there is one of last resort.
    has_last_resort: bool,
}

/// Leaves key packages of the device that signs.
///
/// Packages that the device left here in the last hundred days are not stored again. The same envelope again changes nothing:
/// `200` says what is here now.
#[utoipa::path(post, path = "/v1/keypackages", tag = "key packages", request_body = schema::KeyPackagesEnvelope,
    responses((status = 201, description = "They are here.", body = HeldPackages),
        (status = 200, description = "They were here already.", body = HeldPackages),
        Refusals))]
pub(super) async fn put(
    State(key_packages): State<Arc<KeyPackages>>,
    Extension(client): Extension<Client>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<HeldPackages>), ApiError> {
    let _permit = key_packages.permit(client)?;
    let (device, uploaded) = key_packages.put(&body::json(request, MAX_UPLOAD_BYTES).await?).await?;
    let status = if uploaded.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let (available, has_last_resort) = (uploaded.held.available, uploaded.held.has_last_resort);
    Ok((status, Json(HeldPackages { device, available, has_last_resort })))
}
