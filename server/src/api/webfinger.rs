use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use kez_core::webfinger::Query;

use super::State;
use super::conditional::CACHED;
use super::schema::{self, ProblemResponses};
use crate::error::ApiError;
use crate::registry::{Found, Registry, json};

const JRD_JSON: HeaderValue = HeaderValue::from_static("application/jrd+json");

/// WebFinger (RFC 7033): describes the owner of a handle.
#[utoipa::path(get, path = "/.well-known/webfinger", tag = "handles",
    params(("resource" = String, Query, description = "`acct:handle@server`, or the profile page's URL", example = "acct:tudisco@kez.lat"),
        ("rel" = Option<Vec<String>>, Query, description = "Keep only links of these relations")),
    responses((status = 200, description = "The descriptor.", body = schema::Jrd, content_type = "application/jrd+json"),
        ProblemResponses))]
pub(super) async fn webfinger(registry: State, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let body = describe(&registry, &query).await?.ok_or(ApiError::not_found("This server knows no such resource."))?;
    Ok(described(body))
}

/// The answer to a query whose descriptor is in memory, whole; none for any other.
pub(crate) fn in_memory(registry: &Registry, query: &str) -> Option<Response> {
    let query = Query::parse(query).ok().filter(|query| query.rels.is_empty())?;
    let names = registry.names();
    let handle = query.handle(&names.server, &names.public_url)?;
    Some(described(registry.cached(handle.as_str())?.jrd_body.clone()))
}

fn described(body: Bytes) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, JRD_JSON);
    response.headers_mut().insert(CACHE_CONTROL, CACHED);
    response
}

async fn describe(registry: &Registry, query: &Query) -> Result<Option<Bytes>, ApiError> {
    let names = registry.names();
    let Some(handle) = query.handle(&names.server, &names.public_url) else { return Ok(None) };
    let Found::Live(entry) = registry.find(&handle).await? else { return Ok(None) };
    if query.rels.is_empty() {
        return Ok(Some(entry.jrd_body.clone()));
    }
    Ok(Some(json(&entry.jrd.clone().keep(&query.rels)).into()))
}
