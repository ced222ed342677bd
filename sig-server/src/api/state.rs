use axum::response::Response;
use http::Uri;

use super::State;
use super::conditional::respond;
use super::path::Chain;
use super::query::optional;
use crate::error::ApiError;

/// What a chain comes to, now or behind an earlier event of it.
pub(super) async fn state(service: State, Chain(id): Chain, uri: Uri) -> Result<Response, ApiError> {
    let at_seq = optional(&uri, "at_seq")?;
    let found = service.look(&id, |loaded, head| match at_seq {
        None => Some(respond(head, &loaded.chain.state()?)),
        Some(seq) => Some(respond(head, &loaded.chain.state_at(seq)?)),
    });
    Ok(found.await?)
}
