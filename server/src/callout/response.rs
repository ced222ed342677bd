//! Encoding: the answer to a request, signed for the server that asked.

use serde::Serialize;

use super::decide::{Grant, LoginRefusal};
use super::ids::Ids;
use super::jwt::Issuer;
use super::request::Request;

/// The account that users live in. A constant: a JWT for `SYS` would make its holder root of the broker.
const USERS_ACCOUNT: &str = "USERS";

#[derive(Serialize)]
struct Claims<'a, T> {
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    iat: i64,
    iss: &'a str,
    /// Another one in every JWT.
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    nats: T,
    sub: &'a str,
}

#[derive(Serialize)]
struct UserNats<'a> {
    r#pub: Allow<'a>,
    sub: Allow<'a>,
    // The broker ignores these three in a callout's JWT; its account limits bind. -1 says so.
    subs: i64,
    data: i64,
    payload: i64,
    r#type: &'static str,
    version: u8,
}

/// Never empty: an empty list would allow everything.
#[derive(Serialize)]
struct Allow<'a> {
    allow: &'a [String],
}

#[derive(Serialize)]
struct ResponseNats<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    r#type: &'static str,
    version: u8,
}

/// The response JWT, at `now` in seconds since 1970.
pub(super) fn encode(
    request: &Request,
    decision: Result<&Grant, LoginRefusal>,
    issuer: &Issuer,
    ids: &Ids,
    now: i64,
) -> String {
    let attempt = request.user_nkey.to_string();
    let (jwt, error) = match decision {
        Ok(grant) => (Some(user(grant, &attempt, issuer, ids.next(), now)), None),
        Err(refusal) => (None, Some(refusal.message())),
    };
    let nats = ResponseNats { jwt, error, r#type: "authorization_response", version: 2 };
    issuer.sign(&Claims {
        aud: &request.server_id,
        exp: None,
        iat: now,
        iss: issuer.public(),
        jti: ids.next(),
        name: None,
        nats,
        sub: &attempt,
    })
}

fn user(grant: &Grant, attempt: &str, issuer: &Issuer, jti: String, now: i64) -> String {
    let nats = UserNats {
        r#pub: Allow { allow: &grant.publish },
        sub: Allow { allow: &grant.subscribe },
        subs: -1,
        data: -1,
        payload: -1,
        r#type: "user",
        version: 2,
    };
    let (exp, name) = (Some(grant.expires), Some(grant.name.as_str()));
    issuer.sign(&Claims { aud: USERS_ACCOUNT, exp, iat: now, iss: issuer.public(), jti, name, nats, sub: attempt })
}
