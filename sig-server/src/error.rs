//! What the wire says of this server's refusals.

use std::time::Duration;

use kez_core::sigchain::{Head, Reason};
use kez_core::{Code, Problem};
use kez_http::problem::RETRY;
use kez_store::StoreError;
use serde::Serialize;

use crate::refused::Refused;

pub use kez_http::problem::ApiError;

/// How long to wait for open places, which come back with the hour, and for a clock that is set right by hand.
const RETRY_LATER: Duration = Duration::from_secs(60);

/// What a readiness probe found, check by check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checks {
    /// `ok`, or `failed` when the database cannot be read or written.
    pub database: &'static str,
    /// `ok`, or `behind` when the newest entry was received long after what the clock shows.
    pub clock: &'static str,
}

/// A readiness probe that failed.
pub(crate) fn not_ready(checks: Checks) -> ApiError {
    let error = if checks.database == "ok" {
        ApiError::unavailable("The server's clock is behind what it stored; its operator has to set it right.", RETRY)
    } else {
        ApiError::no_database()
    };
    error.with("checks", &checks)
}

/// A problem with the protocol's reason for it.
pub(crate) fn because(problem: Problem, reason: Option<Reason>) -> ApiError {
    match reason {
        Some(reason) => ApiError::from(problem).with("reason", &reason.as_str()),
        None => problem.into(),
    }
}

/// What a body's problem is, which may be that it is too large.
pub(crate) fn too_large(problem: Problem) -> ApiError {
    let reason = (problem.code == Code::PayloadTooLarge).then_some(Reason::TooLarge);
    because(problem, reason)
}

/// An event that was refused before its chain was looked at.
pub(crate) fn refused(reason: Reason) -> ApiError {
    Refused::Event { reason, head: None, index: None }.into()
}

fn with_head(error: ApiError, head: Option<Head>) -> ApiError {
    match head {
        Some(head) => error.with("head", &head),
        None => error,
    }
}

/// What the operator has to see is logged here, once, because the answer does not tell.
impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Event { reason, head, index } => {
                let error = because(Problem::new(reason.code(), reason.detail()), Some(reason));
                let error = index.map_or(error.clone(), |index| error.with("index", &index));
                with_head(error, head.filter(|_| reason.code() == Code::ChainConflict))
            }
            Refused::Conflict { reason, head, detail } => {
                with_head(because(Problem::new(Code::ChainConflict, detail), reason), head)
            }
            Refused::NoLog(problem) if problem.code == Code::MalformedJson => problem.into(),
            Refused::NoLog(problem) => {
                because(Problem::new(Code::InvalidEvent, problem.detail), Some(Reason::BadEnvelope))
            }
            Refused::Busy => ApiError::unavailable(
                "This server takes as many logs as it can just now; send this one again shortly.",
                RETRY,
            ),
            Refused::NotFound => ApiError::not_found("There is no such chain here, or nothing at this place of it."),
            Refused::NotAdmitted => {
                let problem = Problem::new(Code::KeyNotAuthorised, "Register a handle with the chain's key first.");
                because(problem, Some(Reason::KeyNotAuthorised))
            }
            Refused::Registry(error) => {
                tracing::warn!(%error, "a genesis could not be admitted");
                ApiError::unavailable(
                    "The server cannot ask its registry of handles just now; try again shortly.",
                    RETRY,
                )
            }
            Refused::ClockBehind => {
                tracing::error!("the clock is behind the entries of a chain; appends to it are refused");
                let detail = "The server's clock is behind this chain's last entry; its operator has to set it right.";
                ApiError::unavailable(detail, RETRY_LATER)
            }
            Refused::Store(StoreError::Unavailable(error)) => {
                tracing::warn!(error, "a request could not be served");
                ApiError::no_database()
            }
            Refused::Store(StoreError::Corrupt(error)) => {
                tracing::error!(error, "a request could not be served: the database is damaged");
                ApiError::fault()
            }
            Refused::Damaged(damage) => {
                tracing::error!(chain = %damage.chain, entry = damage.entry, what = damage.what, "a chain is damaged and not served");
                ApiError::fault()
            }
        }
    }
}
