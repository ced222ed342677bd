//! Problems on the wire (RFC 9457): the one place that knows their HTTP status.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kez_core::{Code, Problem, ServerName};
use serde::{Serialize, Serializer};
use serde_json::Value;

const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client waits before it asks a server again whose database is away.
pub const RETRY: Duration = Duration::from_secs(5);

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
        Code::ReservedHandle | Code::KeyNotAuthorised | Code::NotAMember => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Replayed
        | Code::HandleTaken
        | Code::KeyAlreadyRegistered
        | Code::ChainConflict
        | Code::TooManyKeyPackages
        | Code::ConversationConflict => StatusCode::CONFLICT,
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

/// A problem on its way out, with what HTTP and the operation add to it.
#[derive(Clone, Debug)]
pub struct ApiError {
    problem: Problem,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    more: Vec<(&'static str, Value)>,
}

impl ApiError {
    /// "There is nothing here."
    #[must_use]
    pub fn not_found(detail: &'static str) -> Self {
        Problem::new(Code::NotFound, detail).into()
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

    /// "Later": whoever asks does that too often, from whatever address.
    #[must_use]
    pub fn too_often(detail: &'static str, wait: Duration) -> Self {
        ApiError { retry_after: Some(wait), ..Problem::new(Code::RateLimited, detail).into() }
    }

    /// "Later", for whatever reason that is not the caller's.
    #[must_use]
    pub fn unavailable(detail: impl Into<std::borrow::Cow<'static, str>>, wait: Duration) -> Self {
        ApiError { retry_after: Some(wait), ..Problem::new(Code::Unavailable, detail).into() }
    }

    /// "Later": the database is away.
    #[must_use]
    pub fn no_database() -> Self {
        ApiError::unavailable("The server cannot reach its database just now; try again shortly.", RETRY)
    }

    /// A defect, or a machine that fails, of which the log tells more.
    #[must_use]
    pub fn fault() -> Self {
        Problem::new(Code::Internal, "The server has a fault; its operator can find it in the log.").into()
    }

    /// The same with one more member in its body.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &impl Serialize) -> Self {
        self.more.push((name, serde_json::to_value(value).expect("members have string names and no failing parts")));
        self
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.problem.code
    }

    /// The whole response; `server` completes the problem's `type`.
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
        let body = Body {
            r#type: format!("https://{server}/problems/{code}"),
            title: code.title(),
            status: status(code).as_u16(),
            detail: &self.problem.detail,
            code: code.as_str(),
            server_time: self.problem.server_time,
            more: &self.more,
        };
        serde_json::to_vec(&body).expect("problems have string names and no failing parts")
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_time: Option<kez_core::Timestamp>,
    #[serde(flatten, serialize_with = "members")]
    more: &'a [(&'static str, Value)],
}

fn members<S: Serializer>(more: &[(&'static str, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(more.iter().map(|(name, value)| (name, value)))
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
        ApiError { problem, retry_after: None, allow: None, more: Vec::new() }
    }
}
