//! The OpenAPI document, generated from the handlers.

use axum::Extension;
use kez_http::openapi::{Document, Problem, bearer};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

kez_http::refusals!(Refusals, of_read);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "kez-chat", description = "Handles whose keys were made in the browser: register, look up, verify, release.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(Problem)),
    tags((name = "handles", description = "Taking, finding and releasing handles"),
        (name = "pairings", description = "Offers of device keys, on their way from a new device to one that may sign"),
        (name = "key packages", description = "What lets somebody add a device to a conversation while it is away"),
        (name = "conversations", description = "The order of conversations' commits, of which the server reads nothing"),
        (name = "server", description = "The server itself"))
)]
struct Base;

/// The document without the paths that the router adds; with those of `chains`, where this server has them.
pub(super) fn base(chains: Option<OpenApi>, has_internal: bool) -> OpenApi {
    let mut base = Base::openapi();
    bearer(&mut base, "pairing", "The `secret` that came with the code");
    if has_internal {
        bearer(&mut base, "internal", "The operator's internal token");
    }
    if let Some(chains) = chains {
        base.merge(chains);
    }
    base
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1 of the whole API.", body = Object), Refusals))]
pub(super) async fn openapi(Extension(document): Extension<Document>) -> Document {
    document
}
