//! Answers with an entity tag. Who has them already is seen to by the front of the server, for everything that has one.

use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};

use crate::registry::Tagged;

/// How long an answer may be kept: what a second replica may be behind.
pub(super) const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=60");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `200` with the body and its tag.
pub(super) fn respond(tagged: &Tagged) -> Response {
    let mut response = Response::new(tagged.body.clone().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, CACHED);
    headers.insert(ETAG, tagged.etag.clone());
    response
}
