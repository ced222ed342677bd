//! The OpenAPI document, generated from the handlers.

use axum::Extension;
use kez_http::openapi::{Document, Problem, bearer};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

kez_http::refusals!(Refusals, of_read);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "kez-sig-server", description = "Sigchains: append-only, hash-linked logs of identities' key events.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(Problem)),
    tags((name = "sigchains", description = "Append-only, hash-linked logs of an identity's key events"),
        (name = "server", description = "The server itself"))
)]
struct Base;

/// The document without the paths that the router adds.
pub(super) fn base() -> OpenApi {
    let mut base = Base::openapi();
    bearer(&mut base, "export", "The operator's export token, where `/v1/export` wants one");
    base
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1 of everything under /v1.", body = Object), Refusals))]
pub(super) async fn openapi(Extension(document): Extension<Document>) -> Document {
    document
}
