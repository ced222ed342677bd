use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::State;
use super::path::{Chain, ChainPath, Seq, SeqPath};
use super::schema;
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_read, InvalidResource, NotFound);

/// One event of a chain.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/events/{seq}", tag = "sigchains",
    params(ChainPath, SeqPath),
    responses((status = 200, description = "The envelope, canonical bytes.", body = schema::SigchainEvent), Refusals))]
pub(super) async fn event(service: State, Chain(id): Chain, Seq(seq): Seq) -> Result<Response, ApiError> {
    let mut pages = service.events(&id, seq.saturating_sub(1), u64::from(seq > 0)).await?;
    let row = pages
        .next()
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::not_found("The chain has no event of this number."))?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], row.event).into_response())
}
