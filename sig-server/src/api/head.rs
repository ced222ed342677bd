use axum::response::Response;
use http::HeaderMap;

use super::State;
use super::conditional::respond;
use super::path::Chain;
use crate::error::ApiError;

/// A chain's newest event.
pub(super) async fn head(service: State, Chain(id): Chain, headers: HeaderMap) -> Result<Response, ApiError> {
    Ok(service.look(&id, |_, head| Some(respond(head, &headers, &head))).await?)
}
