//! The OpenAPI document, generated from the handlers.

use axum::Extension;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::chains::Chains;
use super::schema::ProblemResponses;
use crate::registry::json;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "kez-chat", description = "Handles whose keys were made in the browser: register, look up, verify, release.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    tags((name = "handles", description = "Taking, finding and releasing handles"),
        (name = "pairings", description = "Offers of device keys, on their way from a new device to one that may sign"),
        (name = "server", description = "The server itself"))
)]
struct Base;

/// The document without the paths that the router adds; with those of chains, where this server has them.
pub(super) fn base(has_chains: bool) -> OpenApi {
    let mut base = Base::openapi();
    if has_chains {
        base.merge(Chains::openapi());
    }
    base
}

/// The finished document as JSON, which is known only once all routes are.
#[derive(Clone)]
pub(super) struct Document(Bytes);

impl Document {
    /// What gives the document to its handler.
    pub(super) fn extension(document: &OpenApi) -> Extension<Document> {
        Extension(Document(json(document).into()))
    }
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1 of everything under /v1 and /.well-known.", body = Object), ProblemResponses))]
pub(super) async fn openapi(Extension(Document(body)): Extension<Document>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body)
}
