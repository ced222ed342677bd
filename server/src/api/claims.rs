use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::{Extension, Json};
use kez_core::KeyId;
use kez_http::client::Client;
use kez_http::openapi;
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::user::live;
use crate::claims::{Claims, Shown};
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_read, NotFound, Gone);

/// What an identity claims, and what this server knows of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimList {
    /// The handle.
    #[schema(value_type = openapi::Handle)]
    handle: String,
    /// The identity's chain, which the proofs have to name.
    #[schema(value_type = openapi::Key)]
    chain: KeyId,
    /// The claims that stand in the chain now.
    claims: Vec<Shown>,
}

/// What the owner of a handle claims to control besides, and whether the proofs were there when this server looked last.
/// Never waits for a proof: what was not looked at lately is looked at after the answer.
#[utoipa::path(get, path = "/v1/u/{handle}/claims", tag = "handles",
    params(("handle" = String, Path, description = "The handle", example = "tudisco",
            pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$")),
    responses((status = 200, description = "The claims, by their ids.", body = ClaimList), Refusals))]
pub(super) async fn claims(
    registry: State,
    claims: axum::extract::State<Arc<Claims>>,
    Extension(client): Extension<Client>,
    handle: Result<Path<String>, PathRejection>,
) -> Result<Json<ClaimList>, ApiError> {
    let entry = live(&registry, handle).await?;
    let (handle, chain) = (entry.record.handle.clone(), entry.record.chain);
    let claims = claims.of(&chain, client).await?;
    Ok(Json(ClaimList { handle, chain, claims }))
}
