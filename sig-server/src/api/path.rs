//! The parts of a path: the chain, and an event's number.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use kez_core::{Code, KeyId, Problem};
use utoipa::IntoParams;

use crate::error::ApiError;

/// The chain that a path names. One that cannot exist is not found.
pub(super) struct Chain(pub(super) KeyId);

/// The number of an event that a path names.
pub(super) struct Seq(pub(super) u64);

/// [`Chain`] as documents show it.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes a path; it is never made")]
pub(super) struct ChainPath {
    /// The genesis key, 64 lower-case hex digits.
    #[param(pattern = "^[0-9a-f]{64}$")]
    hex: String,
}

/// [`Seq`] as documents show it.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes a path; it is never made")]
pub(super) struct SeqPath {
    /// The event's number.
    #[param(minimum = 1)]
    seq: u64,
}

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
