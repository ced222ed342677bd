use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use data_encoding::HEXLOWER;
use http::{Request, StatusCode};
use kez_core::registration::MAX_BODY_BYTES;
use kez_http::body;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::conversations::Conversations;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_envelope, KeyNotAuthorised, ConversationConflict);

/// A conversation that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedConversation {
    /// Its id.
    #[schema(value_type = schema::ConversationId)]
    conversation: String,
    /// The epoch that it began with.
    #[schema(minimum = 1, maximum = 1)]
    epoch: u64,
}

/// Starts a conversation: from now on, its commits are put in order here.
///
/// What was started by the same identity with the same gate is answered with `200`, in whatever envelope.
#[utoipa::path(post, path = "/v1/conversations", tag = "conversations",
    request_body = schema::ConversationStartEnvelope,
    responses((status = 201, description = "It is started.", body = StartedConversation),
        (status = 200, description = "It was started already.", body = StartedConversation),
        Refusals))]
pub(super) async fn start(
    State(conversations): State<Arc<Conversations>>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<StartedConversation>), ApiError> {
    let (conversation, started) = conversations.start(&body::json(request, MAX_BODY_BYTES).await?).await?;
    let status = if started.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(StartedConversation { conversation: HEXLOWER.encode(&conversation), epoch: 1 })))
}
