//! The parameters of a query that are numbers.

use http::Uri;
use kez_core::{Code, Problem};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::path::{not_a_number, number};
use crate::error::ApiError;

/// How many things a page has when nobody asks for a number.
const DEFAULT_LIMIT: u64 = 100;
/// How many it has at most.
pub(super) const MAX_LIMIT: u64 = 500;

/// What [`page`] reads, as documents show it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes a query; it is never made")]
pub(super) struct PageQuery {
    /// The number to begin behind; 0 unless given.
    #[param(value_type = Option<From0>, inline)]
    after: Option<u64>,
    /// At most so many; 100 unless given.
    #[param(value_type = Option<From1To500>, inline)]
    limit: Option<u64>,
}

/// The event of a chain that a reader wants the state behind, as documents show it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes a query; it is never made")]
pub(super) struct StateQuery {
    /// The number of the event; the newest unless given.
    #[param(value_type = Option<From0>, inline)]
    at_seq: Option<u64>,
}

/// Digits in any number: what is larger than everything there is names nothing.
struct From0;

impl PartialSchema for From0 {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).into()
    }
}

impl ToSchema for From0 {}

/// From 1 to [`MAX_LIMIT`].
struct From1To500;

impl PartialSchema for From1To500 {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MAX_LIMIT)).into()
    }
}

impl ToSchema for From1To500 {}

/// The number that a query names, if it does.
pub(super) fn optional(uri: &Uri, name: &str) -> Result<Option<u64>, ApiError> {
    let pairs = uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(Code::InvalidResource, format!("Give `{name}` once.")).into());
    }
    number(value).map(Some).ok_or_else(|| not_a_number(&format!("`{name}`")))
}

/// Behind what, and how many: `after`, 0 unless given, and `limit`, from 1 to [`MAX_LIMIT`].
pub(super) fn page(uri: &Uri) -> Result<(u64, u64), ApiError> {
    let limit = optional(uri, "limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::new(Code::InvalidResource, format!("`limit` is from 1 to {MAX_LIMIT}.")).into());
    }
    Ok((optional(uri, "after")?.unwrap_or(0), limit))
}

/// How many rows a request asks for; what is refused asks for what is usual.
pub(crate) fn rows(uri: &Uri) -> u32 {
    let limit = page(uri).map_or(DEFAULT_LIMIT, |(_, limit)| limit);
    u32::try_from(limit).unwrap_or(u32::MAX)
}
