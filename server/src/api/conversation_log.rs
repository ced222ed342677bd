use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use http::Request;
use kez_core::Timestamp;
use kez_core::registration::MAX_BODY_BYTES;
use kez_http::client::Client;
use kez_http::{body, openapi};
use kez_store::conversations::Entry;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::conversations::Conversations;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_write, PayloadTooLarge, MalformedJson, InvalidRequest, NotFound);

/// Answers that are as large as that are counted until they are sent, in bytes.
const LARGE: u64 = 64 * 1024;

/// A part of a conversation's log, and where it stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConversationLog {
    /// Commits, in the order of their epochs: as many as were asked for and fit into an answer of a mebibyte.
    #[schema(max_items = 100)]
    commits: Vec<LoggedCommit>,
    /// The current epoch.
    #[schema(minimum = 1)]
    epoch: u64,
    /// SHA-256 of what only members of the current epoch know.
    #[schema(value_type = schema::GateHash)]
    gate: String,
    /// The first epoch whose commit is kept; the current one when none is.
    #[schema(minimum = 1)]
    oldest: u64,
    /// SHA-256 of what only members of that epoch know.
    #[schema(value_type = schema::GateHash)]
    oldest_gate: String,
    /// When the conversation was started, by the server's clock.
    #[schema(value_type = openapi::Time)]
    started_at: Timestamp,
}

/// A commit of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedCommit {
    /// The epoch that it ended.
    #[schema(minimum = 1)]
    epoch: u64,
    /// The commit.
    #[schema(value_type = schema::CommitMessage)]
    commit: String,
    /// SHA-256 of what only members of the next epoch know.
    #[schema(value_type = schema::GateHash)]
    next_gate: String,
    /// When it was accepted, by the server's clock.
    #[schema(value_type = openapi::Time)]
    received_at: Timestamp,
}

/// The commits of a conversation that ended later epochs than `after`, and where it stands.
///
/// Asked for in a body, so that no address has the conversation's id: whoever knows it may read this.
#[utoipa::path(post, path = "/v1/conversations/log", tag = "conversations", request_body = schema::ConversationLogPart,
    responses((status = 200, description = "The log, as far as it was asked for.", body = ConversationLog), Refusals))]
pub(super) async fn read(
    State(conversations): State<Arc<Conversations>>,
    Extension(client): Extension<Client>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let log = conversations.log(&body::json(request, MAX_BODY_BYTES).await?).await?;
    let log = log.ok_or_else(|| ApiError::not_found("Nobody started this conversation here."))?;
    let commit = |Entry { epoch, bytes, next_gate, received_at }| LoggedCommit {
        epoch,
        commit: BASE64URL_NOPAD.encode(&bytes),
        next_gate: HEXLOWER.encode(&next_gate),
        received_at,
    };
    let answer = ConversationLog {
        commits: log.entries.into_iter().map(commit).collect(),
        epoch: log.epoch,
        gate: HEXLOWER.encode(&log.gate),
        oldest: log.oldest,
        oldest_gate: HEXLOWER.encode(&log.oldest_gate),
        started_at: log.started_at,
    };
    let response = Json(answer).into_response();
    if response.body().size_hint().upper().is_some_and(|bytes| bytes < LARGE) {
        return Ok(response);
    }
    Ok(conversations.permit_log(client)?.until_sent(response))
}
