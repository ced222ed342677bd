//! `POST /internal/nats/auth`: what the broker's callout answers, for tests and for programs beside the server.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request};
use kez_core::{Code, Problem};

use super::body;
use crate::callout::Callout;
use crate::config::nats::SeedText;
use crate::error::ApiError;

/// What the path needs; without it the path does not exist.
pub(crate) struct Internal {
    pub(crate) token: SeedText,
    pub(crate) callout: Arc<Callout>,
}

/// Answers a request JWT with the response JWT, which may say no.
pub(super) async fn nats_auth(
    State(internal): State<Option<Arc<Internal>>>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let internal = internal.ok_or_else(|| ApiError::not_found("This server has no internal API."))?;
    if !is_authorised(&internal.token, request.headers()) {
        let detail = "Send the server's internal token as Authorization: Bearer.";
        return Err(Problem::new(Code::Unauthorized, detail).into());
    }
    let message = body::whole(request).await?;
    let answer = internal.callout.answer(message.trim_ascii()).await.map_err(|dropped| {
        Problem::new(Code::InvalidRequest, format!("This request deserves no answer: {}.", dropped.as_str()))
    })?;
    let mut response = answer.jwt.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1).
fn is_authorised(token: &SeedText, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let Some((scheme, given)) = given.split_at_checked(7) else { return false };
    scheme.eq_ignore_ascii_case(b"bearer ") && token.matches(given.trim_ascii())
}
