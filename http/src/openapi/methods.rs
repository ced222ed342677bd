use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::problem::ApiError;

/// Methods of a path that is read.
pub const READ: &str = "GET, HEAD, OPTIONS";

/// A path's routes, with the answers to `OPTIONS` and to every method but those of `allow`.
pub fn with_methods<S>(allow: &'static str, (schemas, paths, method): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let method: MethodRouter<S> =
        method.options(async move || options(allow)).fallback(async move || ApiError::method_not_allowed(allow));
    (schemas, paths, method)
}

/// The answer to `OPTIONS` where these methods are allowed.
#[must_use]
pub fn options(allow: &'static str) -> Response {
    (StatusCode::NO_CONTENT, [(ALLOW, HeaderValue::from_static(allow))]).into_response()
}

/// The API's answer where it has no route.
pub async fn unknown(method: Method) -> Response {
    if method == Method::OPTIONS {
        return options(READ);
    }
    ApiError::not_found("The API has no such path; /v1/openapi.json lists those that it has.").into_response()
}
