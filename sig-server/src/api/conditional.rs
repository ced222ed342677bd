//! Conditional requests (RFC 9110 section 13): the tag of everything about a chain is its head.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use kez_core::Hash;
use kez_core::sigchain::Head;
use serde::Serialize;

use crate::error::ApiError;
use crate::loaded::Told;
use crate::service::Expected;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `200` with the body, or `304` when the client has what belongs to this head.
pub(super) fn respond<T: Serialize>(head: Head, request: &HeaderMap, body: &T) -> Response {
    let tag = format!("\"{}\"", head.hash);
    let body = || serde_json::to_vec(body).map(Bytes::from).ok();
    respond_with(&tag, HeaderValue::from_str(&tag).ok(), request, body)
}

/// The same for a head whose bytes are there already.
pub(super) fn respond_told(told: &Told, request: &HeaderMap) -> Response {
    let tag = std::str::from_utf8(&told.quoted).unwrap_or_default();
    respond_with(tag, HeaderValue::from_maybe_shared(told.quoted.clone()).ok(), request, || Some(told.json.clone()))
}

fn respond_with(
    tag: &str,
    value: Option<HeaderValue>,
    request: &HeaderMap,
    body: impl FnOnce() -> Option<Bytes>,
) -> Response {
    let mut response = if tags(request, &IF_NONE_MATCH).any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match body() {
            Some(body) => ([(CONTENT_TYPE, JSON)], body).into_response(),
            None => ApiError::internal().into_response(),
        }
    };
    let headers = response.headers_mut();
    // It may be kept, but the next event can come at any moment.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(value.map(|tag| (ETAG, tag)));
    response
}

/// The heads that the request wants the chain to have: strong tags only, as section 13.1.1 wants.
pub(super) fn expected(request: &HeaderMap) -> Expected {
    if !request.contains_key(IF_MATCH) || tags(request, &IF_MATCH).any(|tag| tag == "*") {
        return Expected::Any;
    }
    let hash = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse::<Hash>().ok();
    Expected::OneOf(tags(request, &IF_MATCH).filter_map(hash).collect())
}

fn tags<'a>(request: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
    let values = request.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).map(str::trim)
}
