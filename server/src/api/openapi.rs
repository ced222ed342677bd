//! The OpenAPI document, generated from the handlers.

use std::sync::OnceLock;

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::schema::ProblemResponses;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "kez-chat", description = "Handles whose keys were made in the browser: register, look up, verify, release.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    tags((name = "handles", description = "Taking, finding and releasing handles"),
        (name = "server", description = "The server itself"))
)]
struct Base;

static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();

/// The document without paths, which the router adds.
pub(super) fn base() -> OpenApi {
    Base::openapi()
}

/// Keeps the finished document. It is the same for every server of a process.
pub(super) fn keep(document: OpenApi) {
    let _ = DOCUMENT.set(document);
}

/// The finished document.
pub(crate) fn document() -> &'static OpenApi {
    DOCUMENT.get_or_init(base)
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1 of everything under /v1 and /.well-known.", body = Object), ProblemResponses))]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document().to_json().unwrap_or_default())
}
