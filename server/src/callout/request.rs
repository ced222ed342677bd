//! Decoding: what a broker asks, or why its message deserves no answer.

use kez_core::nkey::{Nkey, NkeyKind};
use serde::Deserialize;

use super::broker_keys::BrokerKeys;
use super::jwt::Parts;

/// Largest request that is looked at, in bytes: CONNECT is limited to 4,096, everything else is the broker's own.
const MAX_BYTES: usize = 32 * 1024;
/// A request that expires within this many milliseconds is dropped: its answer would come too late.
const TOO_LATE_MILLIS: i64 = 250;

/// A question that a broker really asked: may this client in?
#[derive(Debug)]
pub(crate) struct Request {
    /// The server that asks, `N…`; answers are for it alone.
    pub(super) server_id: String,
    /// The key that the server made up for this attempt, `U…`; answers name it.
    pub(super) user_nkey: Nkey,
    /// The number of the client's connection at that server.
    pub(super) client_id: u64,
    /// The client's nonce, if it signed one.
    pub(super) nonce: Option<String>,
    /// The client's own key, as it sent it.
    pub(super) nkey: Option<String>,
    /// The client's signature, as it sent it.
    pub(super) sig: Option<String>,
}

/// Why a message gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is no authorisation request, is too large, or cannot be decrypted.
    Undecodable,
    /// The server that it names did not sign it.
    Forged,
    /// It is meant for somebody else.
    WrongAudience,
    /// It is for another issuer.
    WrongSubject,
    /// It does not expire.
    NoExpiry,
    /// It has expired, or will before an answer could arrive.
    Late,
}

impl Dropped {
    /// A name for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Dropped::Undecodable => "undecodable",
            Dropped::Forged => "forged",
            Dropped::WrongAudience => "wrong_audience",
            Dropped::WrongSubject => "wrong_subject",
            Dropped::NoExpiry => "no_expiry",
            Dropped::Late => "late",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    aud: String,
    exp: Option<i64>,
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    nats: Nats,
}

#[derive(Deserialize)]
struct Nats {
    server_id: ServerId,
    user_nkey: String,
    #[serde(default)]
    client_info: ClientInfo,
    #[serde(default)]
    connect_opts: ConnectOpts,
    r#type: String,
}

#[derive(Deserialize)]
struct ServerId {
    id: String,
}

#[derive(Default, Deserialize)]
struct ClientInfo {
    #[serde(default)]
    id: u64,
    nonce: Option<String>,
}

#[derive(Default, Deserialize)]
struct ConnectOpts {
    nkey: Option<String>,
    sig: Option<String>,
}

impl Request {
    /// Decodes a request JWT for `issuer`, at `now_millis` since 1970.
    ///
    /// # Errors
    /// [`Dropped`]. Being late is looked at before the signature, so that an overloaded server gets rid of what it is
    /// too late for without any arithmetic.
    pub(super) fn decode(
        message: &[u8],
        brokers: &BrokerKeys,
        issuer: &str,
        now_millis: i64,
    ) -> Result<Request, Dropped> {
        if message.len() > MAX_BYTES {
            return Err(Dropped::Undecodable);
        }
        let jwt = std::str::from_utf8(message).map_err(|_| Dropped::Undecodable)?;
        let parts = Parts::split(jwt).ok_or(Dropped::Undecodable)?;
        let claims: Claims = serde_json::from_slice(&parts.claims).map_err(|_| Dropped::Undecodable)?;
        if claims.nats.r#type != "authorization_request" {
            return Err(Dropped::Undecodable);
        }
        let late = claims.exp.is_some_and(|exp| exp.saturating_mul(1000) <= now_millis.saturating_add(TOO_LATE_MILLIS));
        if late {
            return Err(Dropped::Late);
        }
        let server: Nkey = claims.iss.parse().map_err(|_| Dropped::Forged)?;
        let is_named = server.kind() == NkeyKind::Server && claims.iss == claims.nats.server_id.id;
        if !is_named || !parts.is_signed_by(brokers, server.as_bytes()) {
            return Err(Dropped::Forged);
        }
        if claims.aud != "nats-authorization-request" {
            return Err(Dropped::WrongAudience);
        }
        if claims.sub != issuer {
            return Err(Dropped::WrongSubject);
        }
        if claims.exp.is_none() {
            return Err(Dropped::NoExpiry);
        }
        let user_nkey: Nkey = claims.nats.user_nkey.parse().map_err(|_| Dropped::Undecodable)?;
        if user_nkey.kind() != NkeyKind::User {
            return Err(Dropped::Undecodable);
        }
        Ok(Request {
            server_id: claims.iss,
            user_nkey,
            client_id: claims.nats.client_info.id,
            nonce: claims.nats.client_info.nonce,
            nkey: claims.nats.connect_opts.nkey,
            sig: claims.nats.connect_opts.sig,
        })
    }
}
