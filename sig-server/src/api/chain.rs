use axum::response::Response;
use kez_core::sigchain::Head;
use kez_core::{Hash, KeyId};
use serde::Serialize;

use super::State;
use super::conditional::respond;
use super::path::{Chain, ChainPath};
use super::schema::{self, Tag};
use crate::error::ApiError;

kez_http::refusals!(Refusals, of_read, NotFound);

#[derive(Serialize)]
struct Summary<'a> {
    chain: KeyId,
    /// The id of the first event.
    genesis: Option<Hash>,
    head: Head,
    /// Entries of the audit log, displaced ones included.
    count: usize,
    state: Option<&'a kez_core::sigchain::State>,
}

/// A chain in short. Its tag is the head.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}", tag = "sigchains", params(ChainPath, Tag),
    responses((status = 200, description = "The chain.", body = schema::ChainSummary,
        headers(("ETag" = String, description = "The head"))), Refusals))]
pub(super) async fn chain(service: State, Chain(id): Chain) -> Result<Response, ApiError> {
    let found = service.look(&id, |loaded, head| {
        let chain = &loaded.chain;
        let summary =
            Summary { chain: id, genesis: chain.id_at(1), head, count: chain.entries(), state: chain.state() };
        Some(respond(head, &summary))
    });
    Ok(found.await?)
}
