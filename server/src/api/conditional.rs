//! Conditional requests (RFC 9110 section 13): `If-None-Match` against a strong tag.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::registry::Tagged;

/// How long an answer may be kept: what a second replica may be behind.
pub(super) const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=60");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `200` with the body, or `304` when the client has it.
pub(super) fn respond(tagged: &Tagged, request: &HeaderMap) -> Response {
    let mut response = if request.contains_key(IF_NONE_MATCH) && has(request, &tagged.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(tagged.body.clone().into());
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, CACHED);
    headers.insert(ETAG, tagged.etag.clone());
    response
}

/// Whether a header field lists this tag, or `*`; compared weakly, as section 13.1.2 wants.
fn has(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes())
}
