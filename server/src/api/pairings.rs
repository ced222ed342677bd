//! The pairing relay: offers of device keys, by code.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use http::header::LOCATION;
use http::{HeaderMap, HeaderName, Request, StatusCode};
use kez_core::sigchain::Offer;
use kez_core::{Code, Problem, Timestamp};
use kez_http::client::Client;
use kez_http::openapi;
use kez_http::{bearer, body};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::schema;
use crate::error::ApiError;
use crate::pairings::{Found, Heads, NotChanged, NotOpened, Opened, PairingCode, Pairings, Secret};
use crate::random;
use crate::registry::Registry;

kez_http::refusals!(
    NotOpenedAnswers,
    of_write,
    PayloadTooLarge,
    MalformedJson,
    InvalidRequest,
    MalformedKey,
    BadSignature,
    NotFound,
    ChainConflict
);
kez_http::refusals!(NotFoundAnswers, of_read, NotFound);
kez_http::refusals!(
    NotReplacedAnswers,
    of_write,
    Unauthorized,
    KeyMismatch,
    PayloadTooLarge,
    MalformedJson,
    InvalidRequest,
    MalformedKey,
    BadSignature,
    NotFound,
    ChainConflict
);
kez_http::refusals!(NotRemovedAnswers, of_write, Unauthorized, NotFound);

/// Largest offer, in bytes.
const MAX_OFFER_BYTES: usize = 2048;

/// What these endpoints are given.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) pairings: Arc<Pairings>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) heads: Arc<Heads>,
}

/// What who made the offer has to know.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedPairing {
    /// Names the offer; read in any case and without the dash too.
    #[schema(value_type = String, pattern = "^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$", example = "7Q2MX-K04DT")]
    code: PairingCode,
    /// Replaces the offer or takes it back.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    secret: Secret,
    /// When the offer ends, by the server's clock.
    #[schema(value_type = openapi::Time)]
    expires_at: Timestamp,
}

/// An offer that waits; [`schema::WaitingOffer`] describes it.
#[derive(Serialize)]
pub(crate) struct WaitingOffer {
    #[serde(flatten)]
    offer: Offer,
    /// When the offer ends, by the server's clock.
    expires_at: Timestamp,
}

/// The code that a path names, as documents show it.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes a path; it is never made")]
struct CodePath {
    /// The code, in any case, and without the dash too.
    #[param(pattern = "^[0-9A-TV-Za-tv-z]{5}-?[0-9A-TV-Za-tv-z]{5}$", example = "7Q2MX-K04DT")]
    code: String,
}

/// Leaves the offer of a device key here for ten minutes, for who gets its code. Its place is the one behind the head of a
/// chain that is known here.
#[utoipa::path(post, path = "/v1/pairings", tag = "pairings", request_body = schema::DeviceOffer,
    responses((status = 201, description = "The offer waits.", body = OpenedPairing,
        headers(("Location" = String, description = "Path of the offer"))), NotOpenedAnswers))]
pub(super) async fn open(
    State(Relay { pairings, registry, heads }): State<Relay>,
    Extension(client): Extension<Client>,
    request: Request<Body>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<OpenedPairing>), ApiError> {
    let offer = read(request).await?;
    heads.admit(&offer.place()).await?;
    let Opened { code, secret, expires_at } = pairings.open(offer, client, registry.now(), random::key_bytes)?;
    let location = [(LOCATION, format!("/v1/pairings/{code}"))];
    Ok((StatusCode::CREATED, location, Json(OpenedPairing { code, secret, expires_at })))
}

/// The offer that waits under a code.
#[utoipa::path(get, path = "/v1/pairings/{code}", tag = "pairings",
    params(CodePath),
    responses((status = 200, description = "The offer.", body = schema::WaitingOffer), NotFoundAnswers))]
pub(super) async fn find(
    State(Relay { pairings, registry, .. }): State<Relay>,
    Extension(client): Extension<Client>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<WaitingOffer>, ApiError> {
    pairings.count_lookup(client).map_err(ApiError::rate_limited)?;
    let code = code(path).ok_or_else(unknown)?;
    pairings.find(code, registry.now()).map(waiting).ok_or_else(unknown)
}

/// Replaces an offer by one of the same key to the same chain, which went on meanwhile. It ends when the first would.
#[utoipa::path(put, path = "/v1/pairings/{code}", tag = "pairings",
    params(CodePath), security(("pairing" = [])),
    request_body = schema::DeviceOffer,
    responses((status = 200, description = "The new offer waits.", body = schema::WaitingOffer), NotReplacedAnswers))]
pub(super) async fn replace(
    State(Relay { pairings, registry, heads }): State<Relay>,
    Extension(client): Extension<Client>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Result<Json<WaitingOffer>, ApiError> {
    pairings.count_lookup(client).map_err(ApiError::rate_limited)?;
    let code = code(path).ok_or_else(unknown)?;
    let secret = bearer::sent(&headers);
    pairings.may_change(code, secret, registry.now())?;
    let offer = read(request).await?;
    pairings.may_replace(code, secret, &offer, registry.now())?;
    heads.admit(&offer.place()).await?;
    Ok(waiting(pairings.replace(code, secret, offer, registry.now())?))
}

/// Takes an offer back.
#[utoipa::path(delete, path = "/v1/pairings/{code}", tag = "pairings",
    params(CodePath), security(("pairing" = [])),
    responses((status = 204, description = "Nothing waits under this code any more."), NotRemovedAnswers))]
pub(super) async fn remove(
    State(Relay { pairings, registry, .. }): State<Relay>,
    Extension(client): Extension<Client>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    pairings.count_lookup(client).map_err(ApiError::rate_limited)?;
    let code = code(path).ok_or_else(unknown)?;
    pairings.remove(code, bearer::sent(&headers), registry.now())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(request: Request<Body>) -> Result<Offer, ApiError> {
    Ok(Offer::parse(&body::json(request, MAX_OFFER_BYTES).await?)?)
}

/// The code that a path names. What cannot be a code is not found, like one that is none.
fn code(path: Result<Path<String>, PathRejection>) -> Option<PairingCode> {
    path.ok().and_then(|Path(text)| text.parse().ok())
}

fn waiting(Found { offer, expires_at }: Found) -> Json<WaitingOffer> {
    Json(WaitingOffer { offer, expires_at })
}

fn unknown() -> ApiError {
    ApiError::not_found("No offer waits under this code; it ended after ten minutes, or the code is misspelt.")
}

impl<E> From<NotOpened<E>> for ApiError {
    fn from(refusal: NotOpened<E>) -> Self {
        match refusal {
            NotOpened::Enough(wait) => ApiError::rate_limited(wait),
            NotOpened::Random(_) => ApiError::fault(),
        }
    }
}

impl From<NotChanged> for ApiError {
    fn from(refusal: NotChanged) -> Self {
        let (code, detail) = match refusal {
            NotChanged::Unknown => return unknown(),
            NotChanged::WrongSecret => {
                (Code::Unauthorized, "Send the secret that came with the code as Authorization: Bearer.")
            }
            NotChanged::AnotherKey => (
                Code::KeyMismatch,
                "Only an offer of the same key to the same chain takes its place; make another one.",
            ),
        };
        Problem::new(code, detail).into()
    }
}
