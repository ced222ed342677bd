use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use data_encoding::HEXLOWER;
use http::{Request, StatusCode};
use kez_core::KeyId;
use kez_core::registration::MAX_BODY_BYTES;
use kez_http::{body, openapi};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::error::ApiError;
use crate::instances::Instances;

kez_http::refusals!(Refusals, of_envelope, KeyNotAuthorised, ConversationConflict);

/// The instance that is kept of a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeptInstance {
    /// The device's key.
    #[schema(value_type = openapi::Key)]
    device: KeyId,
    /// What names this life of its state.
    #[schema(schema_with = schema::instance)]
    instance: String,
}

/// Says which life of its conversations' state the device that signs is in, so that a copy of it, or a state that was
/// restored, is told so.
///
/// Where this instance is kept already it is `200`; whoever gets that takes one more step before it encrypts anything, since a
/// copy could have got the same answer.
#[utoipa::path(post, path = "/v1/chat/instance", tag = "conversations", request_body = schema::ChatInstanceEnvelope,
    responses((status = 201, description = "It is kept from now on.", body = KeptInstance),
        (status = 200, description = "It is what is kept.", body = KeptInstance),
        Refusals))]
pub(super) async fn put(
    State(instances): State<Arc<Instances>>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<KeptInstance>), ApiError> {
    let kept = instances.put(&body::json(request, MAX_BODY_BYTES).await?).await?;
    let status = if kept.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(KeptInstance { device: kept.device, instance: HEXLOWER.encode(&kept.instance) })))
}
