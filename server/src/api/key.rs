use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use kez_core::{KeyId, Record};

use super::State;
use super::schema;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_read, NotFound);

/// Finds the handle that a key owns.
#[utoipa::path(get, path = "/v1/k/{suite}/{hex}", tag = "handles",
    params(("suite" = String, Path, description = "`ed25519`; keys of `secp256k1` have no handles", example = "ed25519",
            pattern = "^(ed25519|secp256k1)$"),
        ("hex" = String, Path, description = "The public key, 64 lower-case hex digits", pattern = "^[0-9a-f]{64}$")),
    responses((status = 200, description = "The record of the handle.", body = schema::Record), Refusals))]
pub(super) async fn key(
    registry: State,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Record>, ApiError> {
    let unknown = || ApiError::not_found("No handle here belongs to this key.");
    let Path((suite, hex)) = path.map_err(|_| unknown())?;
    let key = KeyId::from_parts(&suite, &hex).map_err(|_| unknown())?;
    registry.find_by_key(&key).await?.map(Json).ok_or_else(unknown)
}
