//! The JSON API, one endpoint a file.

mod body;
mod conditional;
mod health;
mod key;
mod openapi;
mod ready;
mod register;
mod registration;
mod release;
mod schema;
mod server_info;
mod user;
mod webfinger;

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::registry::Registry;

pub(crate) use user::respond as user_response;

/// What every handler is given.
pub(crate) type State = axum::extract::State<Arc<Registry>>;

/// Methods of a path that is read.
pub(crate) const READ: &str = "GET, HEAD, OPTIONS";
/// Methods of a path that takes envelopes.
pub(crate) const WRITE: &str = "POST, OPTIONS";

/// The API's routes and the OpenAPI document of them; every route that is added here is in the document, and answers
/// `OPTIONS` and `405`.
pub(crate) fn router(registry: Arc<Registry>) -> (Router, OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(openapi::base())
        .routes(with_methods(READ, routes!(health::healthz)))
        .routes(with_methods(READ, routes!(ready::readyz)))
        .routes(with_methods(READ, routes!(server_info::server)))
        .routes(with_methods(WRITE, routes!(register::register)))
        .routes(with_methods(WRITE, routes!(release::release)))
        .routes(with_methods(READ, routes!(user::user)))
        .routes(with_methods(READ, routes!(registration::registration)))
        .routes(with_methods(READ, routes!(key::key)))
        .routes(with_methods(READ, routes!(webfinger::webfinger)))
        .routes(with_methods(READ, routes!(openapi::openapi)))
        .split_for_parts();
    (router.layer(openapi::Document::extension(&document)).with_state(registry), document)
}

fn with_methods<S>(allow: &'static str, (schemas, paths, method): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let method: MethodRouter<S> = method
        .options(async move || (StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static(allow))]))
        .fallback(async move || ApiError::method_not_allowed(allow));
    (schemas, paths, method)
}
