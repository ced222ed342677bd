//! What is answered before anybody here sees a request: whole responses, made once, after which the connection ends.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kez_core::{Code, Problem};

use super::Front;
use super::per_second::PerSecond;
use crate::head::{MAX_HEAD, MAX_LINE};

/// How long to wait where there is no place for a connection. By then the idle ones are gone.
const RETRY: Duration = Duration::from_secs(5);
/// Senders of refused heads that are heard out in a second. Reading what they send costs more than refusing it.
pub(super) const HEARD_OUT: u32 = 16;

/// The refusals of one front.
pub(super) struct Refusals {
    /// This is no HTTP.
    pub(super) malformed: Bytes,
    /// The request's line is too long.
    pub(super) uri_too_long: Bytes,
    /// The rest of the head is.
    pub(super) headers_too_large: Bytes,
    /// This client, or its network, has enough connections.
    pub(super) too_many: Bytes,
    /// All places are taken.
    pub(super) full: Bytes,
    /// Those who were still sending what was refused already, and were heard out.
    heard_out: Mutex<PerSecond>,
}

impl Refusals {
    pub(super) fn of<F: Front>(front: &F) -> Self {
        let refusal = |code, detail: String, retry_after| front.refusal(Problem::new(code, detail), retry_after).into();
        Refusals {
            malformed: refusal(
                Code::InvalidRequest,
                "Send valid HTTP: a head of at most 100 headers, without control characters.".to_owned(),
                None,
            ),
            uri_too_long: refusal(Code::UriTooLong, format!("Send a request line of at most {MAX_LINE} bytes."), None),
            headers_too_large: refusal(
                Code::HeadersTooLarge,
                format!("Send at most 100 headers, and at most {MAX_HEAD} bytes of them."),
                None,
            ),
            too_many: refusal(
                Code::RateLimited,
                "Your address has too many connections open; close some, or use them again.".to_owned(),
                Some(RETRY),
            ),
            full: refusal(
                Code::Unavailable,
                "The server has too many connections just now; try again shortly.".to_owned(),
                Some(RETRY),
            ),
            heard_out: Mutex::new(PerSecond::new(HEARD_OUT)),
        }
    }

    /// Whether a sender who is refused is heard out. The connections of the others end at once, which may be before they
    /// have read why.
    pub(super) fn may_hear_out(&self, now: Instant) -> bool {
        self.heard_out.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}
