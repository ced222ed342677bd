//! Problems on the wire: the one place that knows HTTP status numbers.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kez_core::{Code, KeyId, Problem, ServerName, Timestamp};
use serde::Serialize;

use crate::registry::json;
use kez_store::StoreError;
use kez_store::handles::Refusal;

const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client waits before it asks a server again whose database is away.
const RETRY: Duration = Duration::from_secs(5);

/// The HTTP status of a problem.
#[must_use]
pub const fn status(code: Code) -> StatusCode {
    match code {
        Code::MalformedJson
        | Code::MalformedEnvelope
        | Code::UnsupportedAlg
        | Code::MalformedKey
        | Code::KeyMismatch
        | Code::BadSignature
        | Code::WrongServer
        | Code::InvalidHandle
        | Code::StaleTimestamp
        | Code::InvalidResource
        | Code::InvalidEvent
        | Code::InvalidRequest => StatusCode::BAD_REQUEST,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::ReservedHandle | Code::KeyNotAuthorised => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Replayed | Code::HandleTaken | Code::KeyAlreadyRegistered | Code::ChainConflict => StatusCode::CONFLICT,
        Code::Gone => StatusCode::GONE,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::UriTooLong => StatusCode::URI_TOO_LONG,
        Code::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem on its way out, with what HTTP adds to it.
#[derive(Clone, Debug)]
pub struct ApiError {
    problem: Problem,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    checks: Option<Checks>,
    chain: Option<KeyId>,
}

/// What a readiness probe found, check by check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checks {
    /// `ok`, or `failed` when the database cannot be read or written.
    pub database: &'static str,
    /// `off`: no message broker is configured.
    pub nats: &'static str,
    /// `ok`; `failed` when the sigchains cannot be read or written, or the clock cannot be right; `behind` when keys that
    /// were revoked on the sigchain server may stand here for longer than five seconds.
    pub sigchain: &'static str,
}

impl ApiError {
    /// "There is nothing here."
    #[must_use]
    pub fn not_found(detail: &'static str) -> Self {
        Problem::new(Code::NotFound, detail).into()
    }

    /// "It was released"; `chain` is the one that had it, so that an owner who holds nothing but recovery words finds it.
    #[must_use]
    pub fn gone(at: Timestamp, chain: Option<KeyId>) -> Self {
        ApiError { chain, ..Problem::new(Code::Gone, format!("The handle was released at {at}.")).into() }
    }

    /// "Not with this method"; `allow` is the `Allow` header's value.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("Use one of these methods: {allow}.");
        ApiError { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail).into() }
    }

    /// "Later": the caller's address asked too often.
    #[must_use]
    pub fn rate_limited(wait: Duration) -> Self {
        let problem = Problem::new(Code::RateLimited, "Your address sends too many requests; wait, then go on slower.");
        ApiError { retry_after: Some(wait), ..problem.into() }
    }

    /// "Later": everybody's share of something is used up.
    #[must_use]
    pub fn busy(detail: &'static str, wait: Duration) -> Self {
        ApiError { retry_after: Some(wait), ..Problem::new(Code::Unavailable, detail).into() }
    }

    /// A defect, or a machine that fails, of which the log tells more.
    #[must_use]
    pub fn fault() -> Self {
        Problem::new(Code::Internal, "The server has a fault; its operator can find it in the log.").into()
    }

    /// A readiness probe that failed.
    #[must_use]
    pub fn not_ready(checks: Checks, broker: Option<String>) -> Self {
        let why = broker.map(|why| format!(" (nats: {why})")).unwrap_or_default();
        let detail =
            format!("The server cannot do its work just now; `checks` names what has failed{why}. Try again shortly.");
        ApiError { retry_after: Some(RETRY), checks: Some(checks), ..Problem::new(Code::Unavailable, detail).into() }
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.problem.code
    }

    /// The whole response (RFC 9457); `server` completes the problem's `type`.
    #[must_use]
    pub fn render(&self, server: &ServerName) -> Response {
        let mut response = (status(self.problem.code), self.body(server)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            // Rounded up: a client that waits this long is welcome.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        }
        if self.problem.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }

    /// What is answered before there is a request that can be answered: a whole response, as bytes, after which the
    /// connection ends.
    #[must_use]
    pub fn refusal(problem: Problem, retry_after: Option<Duration>, server: &ServerName) -> Vec<u8> {
        let status = status(problem.code);
        let body = ApiError::from(problem).body(server);
        let retry = retry_after.map(|wait| format!("retry-after: {}\r\n", wait.as_secs())).unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_JSON}\r\ncache-control: no-store\r\n{retry}\
             x-content-type-options: nosniff\r\naccess-control-allow-origin: *\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    fn body(&self, server: &ServerName) -> Vec<u8> {
        let code = self.problem.code;
        let body = ProblemBody {
            r#type: format!("https://{server}/problems/{code}"),
            title: code.title(),
            status: status(code).as_u16(),
            detail: &self.problem.detail,
            code: code.as_str(),
            server_time: self.problem.server_time,
            checks: self.checks,
            chain: self.chain,
        };
        json(&body)
    }
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<KeyId>,
}

/// Handlers return errors without knowing the server's name; the front of the server renders them.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status(self.problem.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        ApiError { problem, retry_after: None, allow: None, checks: None, chain: None }
    }
}

fn unavailable() -> ApiError {
    let problem = Problem::new(Code::Unavailable, "The server cannot reach its database just now; try again shortly.");
    ApiError { retry_after: Some(RETRY), ..problem.into() }
}

/// Logged here, once, because the answer does not tell.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a request could not be served");
                unavailable()
            }
            StoreError::Corrupt(_) => {
                tracing::error!(%error, "a request could not be served");
                ApiError::fault()
            }
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = match refusal {
            Refusal::Replayed => (Code::Replayed, "This envelope was accepted before; sign a new one, a second later."),
            Refusal::HandleTaken => (Code::HandleTaken, "Another key has this handle; choose another one."),
            Refusal::KeyAlreadyRegistered => {
                (Code::KeyAlreadyRegistered, "This key has another handle; release that first, or use a new key.")
            }
            Refusal::NotFound => (Code::NotFound, "Nobody ever registered this handle here."),
            Refusal::Gone => (Code::Gone, "This handle was released already."),
            Refusal::KeyMismatch => (Code::KeyMismatch, "Sign with the key that owns this handle."),
        };
        Problem::new(code, detail).into()
    }
}
