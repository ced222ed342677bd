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

use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::export::Export;
use crate::service::Service;

pub use head::in_memory;
pub(crate) use query::rows;

/// What every handler is given.
type State = axum::extract::State<Arc<Service>>;

/// Methods of a path that is read.
pub(crate) const READ: &str = "GET, HEAD, OPTIONS";
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
    let own = own.fallback(unknown).layer(openapi::Document::extension(&document));
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

fn with_methods(
    allow: &'static str,
    (schemas, paths, method): UtoipaMethodRouter<Arc<Service>>,
) -> UtoipaMethodRouter<Arc<Service>> {
    let method: MethodRouter<Arc<Service>> = method
        .options(async move || (StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static(allow))]))
        .fallback(async move || ApiError::method_not_allowed(allow));
    (schemas, paths, method)
}

/// The answer where there is no route.
async fn unknown(method: Method) -> Response {
    if method == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static(READ))]).into_response();
    }
    ApiError::not_found("The API has no such path; /v1/openapi.json lists those that it has.").into_response()
}
