//! The JSON API, one endpoint a file.

mod audit;
mod chain;
mod conditional;
mod event;
mod events;
mod export;
mod head;
mod health;
mod import;
mod openapi;
mod path;
mod post;
mod query;
mod ready;
mod schema;
mod server_info;
mod state;
mod stream;

use std::sync::Arc;

use axum::response::Response;
use axum::{Extension, Router};
use kez_http::openapi::{Document, READ, unknown, with_methods};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::export::Export;
use crate::service::Service;

pub use head::in_memory;
pub(crate) use query::rows;

/// What every handler is given.
type State = axum::extract::State<Arc<Service>>;

kez_http::refusals!(
    NotTaken,
    of_write,
    PayloadTooLarge,
    MalformedJson,
    InvalidEvent,
    KeyNotAuthorised,
    ChainConflict,
    NotFound
);

/// Methods of a path that is read, and written.
const READ_AND_POST: &str = "GET, HEAD, POST, OPTIONS";
const READ_AND_PUT: &str = "GET, HEAD, PUT, OPTIONS";

/// The routes of chains alone and their OpenAPI document, which another server can mount beside its own. Every route that
/// is added here is in the document, and answers `OPTIONS` and `405`.
pub fn chains(service: Arc<Service>, export: Export) -> (Router, OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(openapi::base())
        .routes(with_methods(READ_AND_PUT, routes!(chain::chain, import::import)))
        .routes(with_methods(READ_AND_POST, routes!(events::events, post::post)))
        .routes(with_methods(READ, routes!(event::event)))
        .routes(with_methods(READ, routes!(head::head)))
        .routes(with_methods(READ, routes!(state::state)))
        .routes(with_methods(READ, routes!(audit::audit)))
        .routes(with_methods(READ, routes!(export::export)))
        .split_for_parts();
    (rendered(router.layer(Extension(Arc::new(export))), service), document)
}

/// Everything that a server of its own has.
pub(crate) fn router(service: Arc<Service>, export: Export) -> Router {
    let (chains, document) = chains(service.clone(), export);
    let (own, document) = OpenApiRouter::with_openapi(document)
        .routes(with_methods(READ, routes!(health::healthz)))
        .routes(with_methods(READ, routes!(ready::readyz)))
        .routes(with_methods(READ, routes!(server_info::server)))
        .routes(with_methods(READ, routes!(openapi::openapi)))
        .split_for_parts();
    let own = own.fallback(unknown).layer(Document::extension(&document));
    chains.merge(rendered(own, service))
}

/// Puts the problems in the place of the errors that handlers return.
fn rendered(router: Router<Arc<Service>>, service: Arc<Service>) -> Router {
    let server = service.server().clone();
    let render = move |mut response: Response| {
        let error = response.extensions_mut().remove::<ApiError>();
        std::future::ready(error.map_or(response, |error| error.render(&server)))
    };
    router.layer(axum::middleware::map_response(render)).with_state(service)
}
