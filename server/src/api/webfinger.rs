use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use kez_core::webfinger::Query;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::State;
use super::conditional::CACHED;
use super::schema;
use crate::error::ApiError;
use crate::registry::{Found, Registry, json};

kez_http::refusals!(Refusals, of_read, InvalidResource, NotFound);

const JRD_JSON: HeaderValue = HeaderValue::from_static("application/jrd+json");

/// What [`Query`] reads, as documents show it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes a query; it is never made")]
struct Parameters {
    /// `acct:handle@server`, or the profile page's URL.
    #[param(value_type = Resource, inline)]
    resource: String,
    /// Keep only links of these relations.
    rel: Option<Vec<String>>,
}

/// A URI (RFC 3986), and where it is an `acct:` URI, with a user and a host (RFC 7565 section 7).
struct Resource;

impl PartialSchema for Resource {
    fn schema() -> RefOr<Schema> {
        const ONE: &str = r"(?:[A-Za-z0-9._~:/?#\[\]!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+";
        const ANY: &str = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+";
        const ACCT: &str = "[Aa][Cc][Cc][Tt]:";
        let pattern = format!("^(?:{ACCT}{ONE}@{ONE}|(?!{ACCT})[A-Za-z][A-Za-z0-9+.-]*:{ANY})$");
        let resource = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        resource.examples(["acct:tudisco@kez.lat"]).into()
    }
}

impl ToSchema for Resource {}

/// WebFinger (RFC 7033): describes the owner of a handle.
#[utoipa::path(get, path = "/.well-known/webfinger", tag = "handles",
    params(Parameters),
    responses((status = 200, description = "The descriptor.", body = schema::Jrd, content_type = "application/jrd+json"),
        Refusals))]
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
