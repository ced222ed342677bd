//! The parts of a path: the chain, and an event's number.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use kez_core::{Code, KeyId, Problem};

use crate::error::ApiError;

/// The chain that a path names. One that cannot exist is not found.
pub(super) struct Chain(pub(super) KeyId);

/// The number of an event that a path names.
pub(super) struct Seq(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for Chain {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let key = parameter(parts, state, "hex").await.and_then(|hex| KeyId::from_parts("ed25519", &hex).ok());
        key.map(Chain).ok_or_else(|| ApiError::not_found("A chain's path ends in 64 lower-case hex digits."))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seq {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let number = parameter(parts, state, "seq").await.and_then(|text| number(&text));
        number.map(Seq).ok_or_else(|| not_a_number("An event's number"))
    }
}

async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Option<String> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok()?;
    parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Digits and nothing else; a number that is too large for anything is the largest.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

pub(super) fn not_a_number(what: &str) -> ApiError {
    Problem::new(Code::InvalidResource, format!("{what} is written in digits.")).into()
}
