//! The tag of everything about a chain is its head. Who has an answer already is seen to by the front of the server, for
//! everything that has a tag (RFC 9110 section 13).

use axum::response::{IntoResponse, Response};
use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue};
use kez_core::Hash;
use kez_core::sigchain::Head;
use kez_http::conditional::{tagged, tags};
use serde::Serialize;

use crate::error::ApiError;
use crate::loaded::Told;
use crate::service::Expected;

/// It may be kept, but the next event can come at any moment.
const KEPT: HeaderValue = HeaderValue::from_static("no-cache");

/// `200` with the body, which belongs to this head.
pub(super) fn respond<T: Serialize>(head: Head, body: &T) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", head.hash)).ok();
    match serde_json::to_vec(body) {
        Ok(body) => tagged(body.into(), tag, KEPT),
        Err(_) => ApiError::fault().into_response(),
    }
}

/// The same for a head whose bytes are there already.
pub(super) fn respond_told(told: &Told) -> Response {
    tagged(told.json.clone(), HeaderValue::from_maybe_shared(told.quoted.clone()).ok(), KEPT)
}

/// The heads that the request wants the chain to have: strong tags only, as section 13.1.1 wants.
pub(super) fn expected(request: &HeaderMap) -> Expected {
    let values = || request.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    if !request.contains_key(IF_MATCH) || values().any(|value| value.trim() == "*") {
        return Expected::Any;
    }
    let hash = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse::<Hash>().ok();
    Expected::OneOf(values().flat_map(tags).filter_map(hash).collect())
}
