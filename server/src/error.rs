//! What the wire says of this server's refusals.

use std::time::Duration;

use kez_core::{Code, KeyId, Problem, Timestamp};
use kez_http::limit::NoPermit;
use kez_http::problem::RETRY;
use kez_store::StoreError;
use kez_store::conversations::{CommitRefusal, StartRefusal};
use kez_store::handles::Refusal;
use kez_store::instances::InstanceRefusal;
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
            Refused::Start(refusal) => of_start(refusal),
            Refused::Commit(refusal) => of_commit(refusal),
            Refused::Instance(refusal) => of_instance(refusal),
            Refused::NoPermit(NoPermit::Own) => ApiError::rate_limited(SOON),
            Refused::NoPermit(NoPermit::All) => {
                ApiError::unavailable("Too many send as much just now; try again shortly.", SOON)
            }
            Refused::Store(StoreError::Unavailable(_)) => ApiError::no_database(),
            Refused::Store(StoreError::Corrupt(_)) => ApiError::fault(),
        }
    }
}

/// "You do not stand for `chain`."
const NOT_OF_CHAIN: &str = "Sign with the primary or an active device key of `chain`, which needs a live handle here.";

fn of_upload(refusal: UploadRefusal) -> ApiError {
    match refusal {
        UploadRefusal::NotAuthorised => Problem::new(
            Code::KeyNotAuthorised,
            NOT_OF_CHAIN,
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

fn of_instance(refusal: InstanceRefusal) -> ApiError {
    match refusal {
        InstanceRefusal::NotAuthorised => Problem::new(Code::KeyNotAuthorised, NOT_OF_CHAIN).into(),
        InstanceRefusal::Conflict => Problem::new(
            Code::ConversationConflict,
            "This state is a copy or was restored, and another one goes on: throw it away and begin anew, with `previous` null.",
        )
        .into(),
        InstanceRefusal::TooOften(seconds) => ApiError::too_often(
            "This device begins too many instances; wait, then go on slower.",
            Duration::from_secs(seconds),
        ),
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

fn of_start(refusal: StartRefusal) -> ApiError {
    match refusal {
        StartRefusal::NotAuthorised => Problem::new(
            Code::KeyNotAuthorised,
            "Sign with the primary or an active device key of `from`, which needs a live handle here.",
        )
        .into(),
        StartRefusal::Conflict => {
            Problem::new(Code::ConversationConflict, "There is another conversation of this id; draw a new one.").into()
        }
        StartRefusal::TooOften(seconds) => ApiError::too_often(
            "This identity starts too many conversations; wait, then go on slower.",
            Duration::from_secs(seconds),
        ),
    }
}

fn of_commit(refusal: CommitRefusal) -> ApiError {
    match refusal {
        CommitRefusal::NotFound => ApiError::not_found("Nobody started this conversation here."),
        CommitRefusal::Conflict(epoch) => {
            let detail = "The conversation is in another epoch; read its log, then commit to the one that is current.";
            ApiError::from(Problem::new(Code::ConversationConflict, detail)).with("epoch", &epoch)
        }
        CommitRefusal::NotAMember => {
            Problem::new(Code::NotAMember, "Send the gate of the current epoch, which its members know.").into()
        }
        CommitRefusal::TooMany(seconds) => ApiError::too_often(
            "The conversation has as many commits as it may, in an hour or altogether; wait, then try again.",
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
