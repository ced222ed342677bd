//! The closed set of problems (RFC 9457) that the protocol knows, without their HTTP status numbers.
//!
//! Nothing in this crate makes those of the wire, such as [`Code::RateLimited`] and [`Code::MethodNotAllowed`]. They are here
//! because the set is one: every client reads all of it, and clients know no crate of the servers.

use std::borrow::Cow;
use std::fmt;

use crate::time::Timestamp;

macro_rules! codes {
    ($($variant:ident $text:literal $title:literal;)*) => {
        /// A stable, machine-readable problem code. The set is closed: a client may match on all of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in the order of `docs/PROTOCOL.md`.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The code as it stands in the `code` member, for example `handle_taken`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),* }
            }

            /// The problem's short, constant `title`.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),* }
            }
        }
    };
}

codes! {
    PayloadTooLarge "payload_too_large" "Payload is too large";
    UnsupportedMediaType "unsupported_media_type" "Media type is not supported";
    MalformedJson "malformed_json" "JSON is malformed";
    MalformedEnvelope "malformed_envelope" "Envelope is malformed";
    UnsupportedAlg "unsupported_alg" "Signature algorithm is not supported";
    MalformedKey "malformed_key" "Key is malformed";
    KeyMismatch "key_mismatch" "Key does not match";
    BadSignature "bad_signature" "Signature does not verify";
    WrongServer "wrong_server" "Envelope is for another server";
    InvalidHandle "invalid_handle" "Handle is not valid";
    ReservedHandle "reserved_handle" "Handle is reserved";
    StaleTimestamp "stale_timestamp" "Timestamp is too far from the server's clock";
    Replayed "replayed" "Envelope was accepted before";
    HandleTaken "handle_taken" "Handle is taken";
    KeyAlreadyRegistered "key_already_registered" "Key is already registered";
    NotFound "not_found" "Not found";
    Gone "gone" "Handle was released";
    MethodNotAllowed "method_not_allowed" "Method is not allowed";
    RateLimited "rate_limited" "Too many requests";
    InvalidResource "invalid_resource" "Resource is not valid";
    Unauthorized "unauthorized" "Credentials are missing or wrong";
    ChainConflict "chain_conflict" "Sigchain has another head";
    KeyNotAuthorised "key_not_authorised" "Key is not authorised";
    InvalidEvent "invalid_event" "Sigchain event is not valid";
    InvalidRequest "invalid_request" "Request is not valid";
    TooManyKeyPackages "too_many_key_packages" "Too many key packages";
    ConversationConflict "conversation_conflict" "Conversation went on";
    NotAMember "not_a_member" "Not a member of the conversation";
    PreconditionFailed "precondition_failed" "Precondition failed";
    UriTooLong "uri_too_long" "Request line is too long";
    HeadersTooLarge "headers_too_large" "Headers are too large";
    Unavailable "unavailable" "Service is unavailable";
    Internal "internal" "Internal error";
}

impl Code {
    /// The code with this text, if there is one.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request or an envelope was refused: a code, and one sentence that tells the caller what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// What went wrong, for programs.
    pub code: Code,
    /// What went wrong and what to do about it, for people. Never holds a secret, a path or a type's name.
    pub detail: Cow<'static, str>,
    /// The server's clock, with [`Code::StaleTimestamp`] only.
    pub server_time: Option<Timestamp>,
}

impl Problem {
    /// A problem with a sentence of advice.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem { code, detail: detail.into(), server_time: None }
    }
}
