use axum::body::Body;
use axum::response::Response;
use http::{Method, Request};
use kez_core::KeyId;
use kez_http::openapi::Head;

use super::State;
use super::conditional::{respond, respond_told};
use super::path::{Chain, ChainPath};
use super::schema::Tag;
use crate::error::ApiError;
use crate::service::Service;

kez_http::refusals!(Refusals, of_read, NotFound);

/// A chain's newest event.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/head", tag = "sigchains", params(ChainPath, Tag),
    responses((status = 200, description = "Its number and id.", body = Head,
        headers(("ETag" = String, description = "The head"))), Refusals))]
pub(super) async fn head(service: State, Chain(id): Chain) -> Result<Response, ApiError> {
    Ok(service.look(&id, |_, head| Some(respond(head, &head))).await?)
}

/// The most frequent request of all, for the head of a chain that is in memory, needs no router; none for any other.
pub fn in_memory(service: &Service, request: &Request<Body>) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    let hex = request.uri().path().strip_prefix("/v1/sigchains/ed25519/")?.strip_suffix("/head")?;
    let id = KeyId::from_parts("ed25519", hex).ok()?;
    service.look_now(&id, |loaded, head| Some(respond_told(loaded.told(head)?))).flatten()
}
