//! Answers with an entity tag. Who has them already is seen to by the front of the server, for everything that has one.

use axum::response::Response;
use http::HeaderValue;

use crate::registry::Tagged;

/// How long an answer may be kept: what a second replica may be behind.
pub(super) const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// `200` with the body and its tag.
pub(super) fn respond(tagged: &Tagged) -> Response {
    kez_http::conditional::tagged(tagged.body.clone(), Some(tagged.etag.clone()), CACHED)
}
