//! The JSON API, one endpoint a file.

mod audit;
mod body;
mod chain;
mod conditional;
mod event;
mod events;
mod export;
mod head;
mod health;
mod import;
mod path;
mod post;
mod query;
mod ready;
mod server_info;
mod state;
mod stream;

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Extension, Router};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};

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

/// The routes of chains alone, which another server can mount beside its own.
pub fn chains(service: Arc<Service>, export: Export) -> Router {
    let chain = "/v1/sigchains/ed25519/{hex}";
    let path = |rest: &str| format!("{chain}{rest}");
    let all = with_methods(READ, get(export::export)).layer(Extension(Arc::new(export)));
    rendered(
        Router::new()
            .route(chain, with_methods(READ_AND_PUT, get(chain::chain).merge(put(import::import))))
            .route(&path("/events"), with_methods(READ_AND_POST, get(events::events).merge(post(post::post))))
            .route(&path("/events/{seq}"), with_methods(READ, get(event::event)))
            .route(&path("/head"), with_methods(READ, get(head::head)))
            .route(&path("/state"), with_methods(READ, get(state::state)))
            .route(&path("/audit"), with_methods(READ, get(audit::audit)))
            .route("/v1/export", all),
        service,
    )
}

/// Everything that a server of its own has.
pub(crate) fn router(service: Arc<Service>, export: Export) -> Router {
    let own = Router::new()
        .route("/v1/healthz", with_methods(READ, get(health::healthz)))
        .route("/v1/readyz", with_methods(READ, get(ready::readyz)))
        .route("/v1/server", with_methods(READ, get(server_info::server)))
        .fallback(unknown);
    chains(service.clone(), export).merge(rendered(own, service))
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

fn with_methods(allow: &'static str, method: MethodRouter<Arc<Service>>) -> MethodRouter<Arc<Service>> {
    method
        .options(async move || (StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static(allow))]))
        .fallback(async move || ApiError::method_not_allowed(allow))
}

/// The answer where there is no route.
async fn unknown(method: Method) -> Response {
    if method == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static(READ))]).into_response();
    }
    ApiError::not_found("The API has no such path.").into_response()
}
