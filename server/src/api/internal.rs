//! `POST /internal/nats/auth`: what the broker's callout answers, for tests and for programs beside the server.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request};
use kez_core::registration::MAX_BODY_BYTES;
use kez_core::{Code, Problem};
use kez_http::bearer::Token;
use kez_http::body;

use crate::callout::Callout;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_write, PayloadTooLarge, Unauthorized);

/// What the path needs; without it the path does not exist.
pub(crate) struct Internal {
    pub(crate) token: Token,
    pub(crate) callout: Arc<Callout>,
}

/// Answers a request JWT of the broker with the response JWT, which may say no. For the operator's own programs.
#[utoipa::path(post, path = "/internal/nats/auth", tag = "server", security(("internal" = [])),
    request_body(content = String, content_type = "application/jwt", description = "The request"),
    responses((status = 200, description = "The answer.", body = String, content_type = "application/jwt"), Refusals))]
pub(super) async fn nats_auth(
    State(internal): State<Option<Arc<Internal>>>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let internal = internal.ok_or_else(|| ApiError::not_found("This server has no internal API."))?;
    if !internal.token.is_sent(request.headers()) {
        let detail = "Send the server's internal token as Authorization: Bearer.";
        return Err(Problem::new(Code::Unauthorized, detail).into());
    }
    let message = body::whole(request, MAX_BODY_BYTES).await?;
    let answer = internal.callout.answer(message.trim_ascii()).await.map_err(|dropped| {
        Problem::new(Code::InvalidRequest, format!("This request deserves no answer: {}.", dropped.as_str()))
    })?;
    let mut response = answer.jwt.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
