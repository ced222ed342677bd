//! What every request passes, on the way in and on the way out: limits, cross-origin headers, one line of log.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Request};
use kez_core::{Problem, ServerName};
use kez_http::conditional::Conditions;
use kez_http::guard::Guard;
use kez_http::{cors, head, log};
use tower::ServiceExt as _;

use crate::api;
use crate::cost::cost;
use crate::error::ApiError;
use crate::service::Service;

/// The whole server behind its listener.
pub(crate) struct Front {
    pub(crate) server: ServerName,
    pub(crate) service: Arc<Service>,
    pub(crate) api: Router,
    pub(crate) guard: Guard,
}

impl kez_http::serve::Front for Front {
    fn refusal(&self, problem: Problem, retry_after: Option<Duration>) -> Vec<u8> {
        ApiError::refusal(problem, retry_after, &self.server)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.guard.is_proxy(address)
    }

    async fn answer(&self, peer: SocketAddr, request: Request<Body>) -> Response {
        let started = Instant::now();
        let method = request.method().clone();
        let route = template(request.uri().path());
        let is_preflight = cors::is_preflight(&request);
        let (client, _) = self.guard.client(peer, request.headers());
        let conditions = Conditions::of(&method, request.headers());
        let mut response = match self.guard.check(client, &method, cost(&method, route, request.uri())) {
            Err(wait) => ApiError::rate_limited(wait).render(&self.server),
            Ok(()) => match head::check(&request).map(|()| api::in_memory(&self.service, &request)) {
                Err(problem) => ApiError::from(problem).render(&self.server),
                Ok(Some(response)) => response,
                Ok(None) => self.route(request).await,
            },
        };
        if let Some(conditions) = conditions {
            let judged = conditions.apply(response);
            response = judged.unwrap_or_else(|problem| ApiError::from(problem).render(&self.server));
        }
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        cors::publish(headers);
        if is_preflight {
            cors::allow(headers);
        }
        log::answered(&method, route, client, response.status(), started.elapsed());
        self.guard.weigh(client, &method, response)
    }
}

impl Front {
    async fn route(&self, request: Request<Body>) -> Response {
        // A panic is a defect, but one request's defect must not be a dropped connection.
        match AssertUnwindSafe(self.api.clone().oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(_) => ApiError::fault().render(&self.server),
        }
    }
}

/// The template that the log names instead of the path.
#[must_use]
pub fn template(path: &str) -> &'static str {
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next()) {
        (Some("v1"), Some("healthz")) => "/v1/healthz",
        (Some("v1"), Some("readyz")) => "/v1/readyz",
        (Some("v1"), Some("server")) => "/v1/server",
        (Some("v1"), Some("openapi.json")) => "/v1/openapi.json",
        (Some("v1"), Some("export")) => "/v1/export",
        (Some("v1"), Some("sigchains")) => match segments.nth(2) {
            None => "/v1/sigchains/ed25519/{hex}",
            Some("events") if segments.next().is_some() => "/v1/sigchains/ed25519/{hex}/events/{seq}",
            Some("events") => "/v1/sigchains/ed25519/{hex}/events",
            Some("head") => "/v1/sigchains/ed25519/{hex}/head",
            Some("state") => "/v1/sigchains/ed25519/{hex}/state",
            Some("audit") => "/v1/sigchains/ed25519/{hex}/audit",
            Some(_) => "/v1/sigchains/*",
        },
        _ => "/*",
    }
}
