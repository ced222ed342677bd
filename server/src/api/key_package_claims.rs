use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use data_encoding::BASE64URL_NOPAD;
use http::Request;
use kez_core::KeyId;
use kez_core::registration::MAX_BODY_BYTES;
use kez_http::{body, openapi};
use kez_store::key_packages::Given;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::error::ApiError;
use crate::keypackages::KeyPackages;

kez_http::refusals!(Refusals, of_envelope, KeyNotAuthorised, NotFound, Gone);

/// Key packages of an identity's devices.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimedPackages {
    /// The identity's chain.
    #[schema(value_type = openapi::Key)]
    chain: KeyId,
    /// One for each wanted device that is active and has one.
    packages: Vec<GivenPackage>,
    /// Wanted active devices that have none.
    #[schema(value_type = Vec<openapi::Key>)]
    missing: Vec<KeyId>,
}

/// A key package of one device.
#[derive(Serialize, ToSchema)]
pub(crate) struct GivenPackage {
    /// The device's key.
    #[schema(value_type = openapi::Key)]
    device: KeyId,
    /// The package.
    #[schema(value_type = schema::KeyPackage)]
    package: String,
    /// Whether others get the same one.
    last_resort: bool,
}

/// Gives a key package of each wanted device, a one-time one to this claim alone.
///
/// The same envelope again gets the same answer, as long as it is not stale.
#[utoipa::path(post, path = "/v1/keypackages/claims", tag = "key packages",
    request_body = schema::KeyPackageClaimEnvelope,
    responses((status = 200, description = "The packages.", body = ClaimedPackages), Refusals))]
pub(super) async fn claim(
    State(key_packages): State<Arc<KeyPackages>>,
    request: Request<Body>,
) -> Result<Json<ClaimedPackages>, ApiError> {
    let (chain, claimed) = key_packages.claim(&body::json(request, MAX_BODY_BYTES).await?).await?;
    let package = |Given { device, package, is_last_resort }| GivenPackage {
        device,
        package: BASE64URL_NOPAD.encode(&package),
        last_resort: is_last_resort,
    };
    let packages = claimed.packages.into_iter().map(package).collect();
    Ok(Json(ClaimedPackages { chain, packages, missing: claimed.missing }))
}
