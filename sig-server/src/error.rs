//! Problems on the wire: the one place that knows HTTP status numbers.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use kez_core::sigchain::{Head, Reason};
use kez_core::{Code, Problem, ServerName};
use serde::Serialize;

use crate::refused::Refused;
use kez_store::StoreError;

const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client waits before it asks a server again whose database is away.
const RETRY: Duration = Duration::from_secs(5);
/// The same for open places, which come back with the hour, and for a clock that is set right by hand.
const RETRY_LATER: Duration = Duration::from_secs(60);

pub(crate) const fn status(code: Code) -> StatusCode {
    match code {
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
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A problem on its way out, with what HTTP and sigchains add to it.
#[derive(Clone, Debug)]
pub struct ApiError {
    problem: Problem,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    checks: Option<Box<Checks>>,
    reason: Option<Reason>,
    head: Option<Box<Head>>,
    index: Option<usize>,
}

/// What a readiness probe found, check by check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checks {
    /// `ok`, or `failed` when the database cannot be read or written.
    pub database: &'static str,
    /// `ok`, or `behind` when the newest entry was received long after what the clock shows.
    pub clock: &'static str,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a Checks>,
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

    /// A readiness probe that failed.
    #[must_use]
    pub fn not_ready(checks: Checks) -> Self {
        let detail = if checks.database == "ok" {
            "The server's clock is behind what it stored; its operator has to set it right."
        } else {
            "The server cannot reach its database just now; try again shortly."
        };
        ApiError { checks: Some(Box::new(checks)), ..unavailable(detail, RETRY) }
    }

    /// An event that was refused before its chain was looked at.
    #[must_use]
    pub fn refused(reason: Reason) -> Self {
        Refused::Event { reason, head: None, index: None }.into()
    }

    /// The same problem with a reason.
    #[must_use]
    pub fn with_reason(self, reason: Reason) -> Self {
        ApiError { reason: Some(reason), ..self }
    }

    /// A defect of the server's own.
    #[must_use]
    pub fn internal() -> Self {
        Problem::new(Code::Internal, "The server has a fault; its operator can find it in the log.").into()
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
            reason: self.reason.map(Reason::as_str),
            index: self.index,
            head: self.head.as_deref(),
            checks: self.checks.as_deref(),
        };
        serde_json::to_vec(&body).expect("only strings and numbers are serialised")
    }
}

/// Handlers return errors without knowing the server's name; the router's outermost layer renders them.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status(self.problem.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        ApiError { problem, retry_after: None, allow: None, checks: None, reason: None, head: None, index: None }
    }
}

fn unavailable(detail: &'static str, wait: Duration) -> ApiError {
    ApiError { retry_after: Some(wait), ..Problem::new(Code::Unavailable, detail).into() }
}

/// What the operator has to see is logged here, once, because the answer does not tell.
impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Event { reason, head, index } => ApiError {
                reason: Some(reason),
                index,
                head: head.filter(|_| reason.code() == Code::ChainConflict).map(Box::new),
                ..Problem::new(reason.code(), reason.detail()).into()
            },
            Refused::Conflict { reason, head, detail } => {
                ApiError { reason, head: head.map(Box::new), ..Problem::new(Code::ChainConflict, detail).into() }
            }
            Refused::NoLog(problem) if problem.code == Code::MalformedJson => problem.into(),
            Refused::NoLog(problem) => {
                ApiError::from(Problem::new(Code::InvalidEvent, problem.detail)).with_reason(Reason::BadEnvelope)
            }
            Refused::Busy => {
                unavailable("This server takes as many logs as it can just now; send this one again shortly.", RETRY)
            }
            Refused::NotFound => ApiError::not_found("There is no such chain here, or nothing at this place of it."),
            Refused::NotAdmitted => ApiError {
                reason: Some(Reason::KeyNotAuthorised),
                ..Problem::new(Code::KeyNotAuthorised, "Register a handle with the chain's key first.").into()
            },
            Refused::Registry(error) => {
                tracing::warn!(%error, "a genesis could not be admitted");
                unavailable("The server cannot ask its registry of handles just now; try again shortly.", RETRY)
            }
            Refused::ClockBehind => {
                tracing::error!("the clock is behind the entries of a chain; appends to it are refused");
                let detail = "The server's clock is behind this chain's last entry; its operator has to set it right.";
                unavailable(detail, RETRY_LATER)
            }
            Refused::Store(StoreError::Unavailable(error)) => {
                tracing::warn!(error, "a request could not be served");
                unavailable("The server cannot reach its database just now; try again shortly.", RETRY)
            }
            Refused::Store(StoreError::Corrupt(error)) => {
                tracing::error!(error, "a request could not be served: the database is damaged");
                ApiError::internal()
            }
            Refused::Damaged(damage) => {
                tracing::error!(chain = %damage.chain, entry = damage.entry, what = damage.what, "a chain is damaged and not served");
                ApiError::internal()
            }
        }
    }
}
