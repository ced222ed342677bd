//! The parameters of a query that are numbers.

use http::Uri;
use kez_core::{Code, Problem};

use super::path::{not_a_number, number};
use crate::error::ApiError;

/// How many things a page has when nobody asks for a number.
const DEFAULT_LIMIT: u64 = 100;
/// How many it has at most.
pub(super) const MAX_LIMIT: u64 = 500;

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

/// Behind what, and how many: `after`, 0 unless given, and `limit`, at most [`MAX_LIMIT`].
pub(super) fn page(uri: &Uri) -> Result<(u64, u64), ApiError> {
    let limit = optional(uri, "limit")?.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 {
        return Err(Problem::new(Code::InvalidResource, "`limit` is at least 1.").into());
    }
    Ok((optional(uri, "after")?.unwrap_or(0), limit.min(MAX_LIMIT)))
}

/// How many rows a request asks for; what is refused asks for what is usual.
pub(crate) fn rows(uri: &Uri) -> u32 {
    let limit = page(uri).map_or(DEFAULT_LIMIT, |(_, limit)| limit);
    u32::try_from(limit).unwrap_or(u32::MAX)
}
