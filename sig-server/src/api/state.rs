use axum::response::Response;
use http::Uri;

use super::State;
use super::conditional::respond;
use super::path::{Chain, ChainPath};
use super::query::{StateQuery, optional};
use super::schema::{self, Tag};
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_read, InvalidResource, NotFound);

/// What a chain comes to, now or behind an earlier event of it.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/state", tag = "sigchains", params(ChainPath, StateQuery, Tag),
    responses((status = 200, description = "The state.", body = schema::State,
        headers(("ETag" = String, description = "The chain's head"))), Refusals))]
pub(super) async fn state(service: State, Chain(id): Chain, uri: Uri) -> Result<Response, ApiError> {
    let at_seq = optional(&uri, "at_seq")?;
    let found = service.look(&id, |loaded, head| match at_seq {
        None => Some(respond(head, &loaded.chain.state()?)),
        Some(seq) => Some(respond(head, &loaded.chain.state_at(seq)?)),
    });
    Ok(found.await?)
}
