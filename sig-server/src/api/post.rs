use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderValue, Request, StatusCode};
use kez_core::sigchain::{NotAnEvent, Unverified};
use kez_http::body;

use super::path::{Chain, ChainPath};
use super::{State, conditional, schema};
use crate::error::{self, ApiError, too_large};
use crate::service::Appended;

/// Largest body, in bytes: an event of the largest size, and room for another spelling of it.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Adds an event behind the head, or displaces events by a recovery. The same event again gives the first answer.
#[utoipa::path(post, path = "/v1/sigchains/ed25519/{hex}/events", tag = "sigchains",
    params(ChainPath,
        ("If-Match" = Option<String>, Header, nullable = false, description = "The head that the chain must have, in quotes")),
    request_body = schema::SigchainEvent,
    responses((status = 201, description = "It is in the chain, durably.", body = schema::AcceptedEvent,
            headers(("ETag" = String, description = "The new head"))),
        (status = 200, description = "It was there already.", body = schema::AcceptedEvent), super::NotTaken))]
pub(super) async fn post(service: State, Chain(id): Chain, request: Request<Body>) -> Result<Response, ApiError> {
    let expected = conditional::expected(request.headers());
    let text = body::json(request, MAX_BODY_BYTES).await.map_err(too_large)?;
    let event = Unverified::parse(&text).map_err(|error| match error {
        NotAnEvent::Json(problem) => ApiError::from(problem),
        NotAnEvent::Refused(reason) => error::refused(reason),
    })?;
    let Appended { seq, row, created } = service.append(id, event, expected).await?;
    let mut answer = format!(r#"{{"hash":"{}","seq":{seq},"receipt":"#, row.id).into_bytes();
    answer.extend_from_slice(&row.receipt);
    answer.push(b'}');
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], answer).into_response();
    if created {
        // What was added just now is the head.
        let tag = HeaderValue::from_str(&format!("\"{}\"", row.id)).ok();
        response.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
    }
    Ok(response)
}
