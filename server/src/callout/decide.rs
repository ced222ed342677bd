//! Deciding: whether a client holds the key that it names, and what the key's identity may do.

use kez_core::nats_login::{self, Nonce};
use kez_core::nkey::{Nkey, NkeyKind};
use kez_core::subject::{MailSubjects, Subjects};
use kez_core::{Handle, KeyId, ServerName};

use super::Rights;
use super::request::Request;

/// Shortest time until a session has to sign in anew, in seconds.
const MIN_SESSION_SECS: u32 = 600;

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct LoginPolicy {
    /// The home server's name, which clients sign for.
    pub server: ServerName,
    /// Whether a signature of the bare nonce will do.
    pub allow_stock_nkey: bool,
    /// Longest session, in seconds.
    pub session_secs: u32,
}

/// The identity that a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its handle.
    pub handle: Handle,
    /// Its chain key, which names its subjects.
    pub chain: KeyId,
}

/// Why a client is not let in. It hears nothing of it; the broker's log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// It names no key, or something that is no user nkey.
    NoKey,
    /// It signed nothing that this server knows of.
    NoNonce,
    /// It does not hold the key that it names.
    BadSignature,
    /// The key stands for no handle here, or not any more, or its identity is deactivated.
    Unknown,
    /// The key, or its identity, has as many sessions as it may.
    TooManySessions,
    /// The registry or the inbox cannot be reached.
    Unavailable,
}

impl LoginRefusal {
    /// A name for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            LoginRefusal::NoKey => "no_key",
            LoginRefusal::NoNonce => "no_nonce",
            LoginRefusal::BadSignature => "bad_signature",
            LoginRefusal::Unknown => "unknown_key",
            LoginRefusal::TooManySessions => "too_many_sessions",
            LoginRefusal::Unavailable => "unavailable",
        }
    }

    /// What the broker's log says.
    pub(super) const fn message(self) -> &'static str {
        match self {
            LoginRefusal::NoKey => "the client names no user nkey",
            LoginRefusal::NoNonce => "the client signed no nonce of this connection",
            LoginRefusal::BadSignature => "the client's signature is not its key's for this server and this nonce",
            LoginRefusal::Unknown => "the client's key stands for no identity in use here",
            LoginRefusal::TooManySessions => "the client's key, or its identity, has as many sessions as it may",
            LoginRefusal::Unavailable => "the home server cannot tell at the moment",
        }
    }
}

/// The key that the client proved to hold.
pub(super) fn prove(request: &Request, policy: &LoginPolicy) -> Result<KeyId, LoginRefusal> {
    let nkey: Nkey = request.nkey.as_deref().unwrap_or_default().parse().map_err(|_| LoginRefusal::NoKey)?;
    if nkey.kind() != NkeyKind::User {
        return Err(LoginRefusal::NoKey);
    }
    let key = KeyId::ed25519(*nkey.as_bytes());
    let nonce: Nonce = request.nonce.as_deref().unwrap_or_default().parse().map_err(|_| LoginRefusal::NoNonce)?;
    let sig = request.sig.as_deref().and_then(nats_login::decode_signature).ok_or(LoginRefusal::BadSignature)?;
    let is_proven = nats_login::verify(&key, &policy.server, &nonce, &sig)
        || policy.allow_stock_nkey && nats_login::verify_stock(&key, &nonce, &sig);
    if is_proven { Ok(key) } else { Err(LoginRefusal::BadSignature) }
}

/// What a client that is let in may do, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The handle.
    pub(super) name: String,
    /// Subjects to publish on.
    pub(super) publish: Vec<String>,
    /// Subjects to subscribe to.
    pub(super) subscribe: Vec<String>,
    /// Seconds since 1970.
    pub(super) expires: i64,
}

impl Grant {
    /// The grant of an identity's device at `now`, in seconds since 1970. Sessions that began together do not end together: the
    /// broker's own random key for the attempt shortens each by up to a fifth.
    pub(super) fn new(
        device: &KeyId,
        identity: &Member,
        rights: Rights,
        attempt: &Nkey,
        policy: &LoginPolicy,
        now: i64,
    ) -> Grant {
        let (subjects, mail) = (Subjects::of(&identity.chain), MailSubjects::of(&identity.chain, device));
        let mut publish: Vec<String> = match rights.send {
            true => subjects.may_publish().into(),
            false => subjects.may_publish_when_reading_only().into(),
        };
        match rights.chat {
            true => publish.extend(mail.may_publish()),
            false => publish.extend(mail.may_publish_when_reading_only()),
        }
        let [a, b, c, d, ..] = *attempt.as_bytes();
        let jitter = u32::from_be_bytes([a, b, c, d]) % (policy.session_secs / 5 + 1);
        let session = (policy.session_secs - jitter).max(MIN_SESSION_SECS);
        Grant {
            name: identity.handle.to_string(),
            publish,
            subscribe: subjects.may_subscribe().into_iter().chain(mail.may_subscribe()).collect(),
            expires: now + i64::from(session),
        }
    }
}
