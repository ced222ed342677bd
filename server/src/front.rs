//! What every request passes, on the way in and on the way out: limits, the split between API and pages, problems,
//! cross-origin headers, one line of log.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use kez_core::Problem;
use kez_http::client::Client;
use kez_http::conditional::Conditions;
use kez_http::guard::Guard;
use kez_http::{cors, head, log, openapi};
use tower::ServiceExt as _;

use crate::api;
use crate::error::ApiError;
use crate::registry::Registry;
use crate::routes::{self, Kind};

/// Says in answers to health checks how the server knows whose request it is: [`kez_http::guard::Origin`].
pub(crate) const ORIGIN: HeaderName = HeaderName::from_static("x-kez-origin");

/// The whole server behind its listener.
pub(crate) struct Front {
    pub(crate) registry: Arc<Registry>,
    /// The sigchains of this process, if it has them.
    pub(crate) chains: Option<Arc<kez_sig_server::service::Service>>,
    pub(crate) api: Router,
    pub(crate) pages: Router,
    pub(crate) guard: Guard,
}

impl kez_http::serve::Front for Front {
    fn refusal(&self, problem: Problem, retry_after: Option<Duration>) -> Vec<u8> {
        ApiError::refusal(problem, retry_after, &self.registry.names().server)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.guard.is_proxy(address)
    }

    async fn answer(&self, peer: SocketAddr, mut request: Request<Body>) -> Response {
        let started = Instant::now();
        let method = request.method().clone();
        let (route, kind) = routes::of(request.uri().path());
        let is_preflight = cors::is_preflight(&request);
        let (client, origin) = self.guard.client(peer, request.headers());
        if let Client::Unnamed(_) = client {
            metrics::counter!("http_requests_without_client_address_total").increment(1);
        }

        let conditions = Conditions::of(&method, request.headers());
        let cost = routes::cost(&method, route, request.uri());
        let counted_as = routes::counted_as(&method, route);
        let mut response = match self.guard.check(client, counted_as, cost) {
            Err(wait) => ApiError::rate_limited(wait).into_response(),
            Ok(()) => match head::check(&request).map(|()| self.in_memory(&request)) {
                Err(problem) => ApiError::from(problem).into_response(),
                Ok(Some(response)) => response,
                Ok(None) => {
                    // Handlers that count something find it there.
                    request.extensions_mut().insert(client);
                    self.route(request, kind).await
                }
            },
        };
        if let Some(conditions) = conditions {
            let judged = conditions.apply(response);
            response = judged.unwrap_or_else(|problem| ApiError::from(problem).into_response());
        }
        if let Some(error) = response.extensions_mut().remove::<ApiError>() {
            response = error.render(&self.registry.names().server);
        }
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if route == routes::HEALTHZ {
            // What `doctor` asks for through the proxy; nobody learns from it but how their own request came.
            headers.insert(ORIGIN, HeaderValue::from_static(origin.as_str()));
        }
        if kind == Kind::Public {
            cors::publish(headers);
        }
        if is_preflight {
            cors::allow(headers);
        }
        report(&method, route, client, response.status(), started.elapsed());
        if kind == Kind::Page { response } else { self.guard.weigh(client, counted_as, response) }
    }
}

impl Front {
    /// The hottest requests, whose answers are in memory, pass the router by.
    fn in_memory(&self, request: &Request<Body>) -> Option<Response> {
        if request.method() != Method::GET {
            return None;
        }
        let path = request.uri().path();
        let Some(handle) = path.strip_prefix("/v1/u/") else {
            return match path {
                "/.well-known/webfinger" => api::described_in_memory(&self.registry, request.uri().query()?),
                _ => kez_sig_server::in_memory(self.chains.as_deref()?, request),
            };
        };
        let entry = self.registry.cached(handle)?;
        Some(api::user_response(&entry))
    }

    async fn route(&self, request: Request<Body>, kind: Kind) -> Response {
        let router = match kind {
            Kind::Page if request.method() == Method::OPTIONS => return openapi::options(openapi::READ),
            Kind::Page if !matches!(*request.method(), Method::GET | Method::HEAD) => {
                return ApiError::method_not_allowed(openapi::READ).into_response();
            }
            Kind::Page => self.pages.clone(),
            Kind::Public | Kind::Internal => self.api.clone(),
        };
        // A panic is a defect, but one request's defect must not be a dropped connection.
        match AssertUnwindSafe(router.oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(_) => ApiError::fault().into_response(),
        }
    }
}

fn report(method: &Method, route: &'static str, client: Client, status: StatusCode, took: Duration) {
    metrics::histogram!("http_request_duration_seconds", "route" => route, "status" => class(status.as_u16()))
        .record(took.as_secs_f64());
    log::answered(method, route, client, status, took);
}

const fn class(status: u16) -> &'static str {
    match status {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
