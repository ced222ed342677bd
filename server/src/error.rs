//! What the wire says of this server's refusals.

use std::time::Duration;

use kez_core::{Code, KeyId, Problem, Timestamp};
use kez_http::limit::NoPermit;
use kez_http::problem::RETRY;
use kez_store::StoreError;
use kez_store::handles::Refusal;
use kez_store::key_packages::{ClaimRefusal, UploadRefusal};
use serde::Serialize;

use crate::refused::Refused;

pub use kez_http::problem::ApiError;

/// How long a client waits for what ends by itself.
const SOON: Duration = Duration::from_secs(1);

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

/// "It was released"; `chain` is the one that had it, so that an owner who holds nothing but recovery words finds it.
pub(crate) fn gone(at: Timestamp, chain: Option<KeyId>) -> ApiError {
    let error = ApiError::from(Problem::new(Code::Gone, format!("The handle was released at {at}.")));
    match chain {
        Some(chain) => error.with("chain", &chain),
        None => error,
    }
}

/// A readiness probe that failed.
pub(crate) fn not_ready(checks: Checks, broker: Option<String>) -> ApiError {
    let why = broker.map(|why| format!(" (nats: {why})")).unwrap_or_default();
    let detail =
        format!("The server cannot do its work just now; `checks` names what has failed{why}. Try again shortly.");
    ApiError::unavailable(detail, RETRY).with("checks", &checks)
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Problem(problem) => problem.into(),
            Refused::Handle(refusal) => problem(refusal).into(),
            Refused::Upload(refusal) => of_upload(refusal),
            Refused::Claim(refusal) => of_claim(refusal),
            Refused::NoPermit(NoPermit::Own) => ApiError::rate_limited(SOON),
            Refused::NoPermit(NoPermit::All) => {
                ApiError::unavailable("Too many send as much just now; try again shortly.", SOON)
            }
            Refused::Store(StoreError::Unavailable(_)) => ApiError::no_database(),
            Refused::Store(StoreError::Corrupt(_)) => ApiError::fault(),
        }
    }
}

fn of_upload(refusal: UploadRefusal) -> ApiError {
    match refusal {
        UploadRefusal::NotAuthorised => Problem::new(
            Code::KeyNotAuthorised,
            "Sign with the primary or an active device key of `chain`, which needs a live handle here.",
        )
        .into(),
        UploadRefusal::TooMany => Problem::new(
            Code::TooManyKeyPackages,
            "The device has as many one-time packages here as it may; send more when some were claimed, or replace them.",
        )
        .into(),
        UploadRefusal::TooOften(seconds) => {
            ApiError::too_often("This device uploads too often; wait, then send more at once.", Duration::from_secs(seconds))
        }
    }
}

fn of_claim(refusal: ClaimRefusal) -> ApiError {
    match refusal {
        ClaimRefusal::NotAuthorised => Problem::new(
            Code::KeyNotAuthorised,
            "Sign with the primary or an active device key of `from`, which needs a live handle here.",
        )
        .into(),
        ClaimRefusal::NotFound => ApiError::not_found("No identity with the chain `to` ever had a handle here."),
        ClaimRefusal::Gone(at) => gone(at, None),
        ClaimRefusal::TooOften(seconds) => ApiError::too_often(
            "This identity claims too often; wait, then go on slower.",
            Duration::from_secs(seconds),
        ),
    }
}

fn problem(refusal: Refusal) -> Problem {
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
    Problem::new(code, detail)
}
