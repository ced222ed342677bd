use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use http::{Request, StatusCode};
use kez_core::commit_order::MAX_BODY_BYTES;
use kez_http::body;
use kez_http::client::Client;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::conversations::Conversations;
use crate::error::ApiError;

kez_http::refusals!(
    Refusals,
    of_write,
    PayloadTooLarge,
    MalformedJson,
    InvalidRequest,
    NotAMember,
    NotFound,
    ConversationConflict
);

/// A commit that is in the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedCommit {
    /// The epoch that it begins.
    #[schema(minimum = 2)]
    epoch: u64,
}

/// Ends an epoch of a conversation by a commit, if no other one did.
///
/// A commit that is in the log byte for byte is answered with `200`. When another one came first, the `409` says in `epoch`
/// which one is current.
#[utoipa::path(post, path = "/v1/conversations/commits", tag = "conversations", request_body = schema::ConversationCommit,
    responses((status = 201, description = "It is the commit of its epoch.", body = AddedCommit),
        (status = 200, description = "It was so already.", body = AddedCommit),
        Refusals))]
pub(super) async fn add(
    State(conversations): State<Arc<Conversations>>,
    Extension(client): Extension<Client>,
    request: Request<Body>,
) -> Result<(StatusCode, Json<AddedCommit>), ApiError> {
    let _permit = conversations.permit(client)?;
    let committed = conversations.commit(&body::json(request, MAX_BODY_BYTES).await?).await?;
    let status = if committed.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(AddedCommit { epoch: committed.epoch })))
}
