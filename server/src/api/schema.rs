//! Shapes for the OpenAPI document, of types that the protocol crate defines without knowing HTTP.

#![expect(dead_code, reason = "these types describe JSON; nothing is ever made of them")]

use std::collections::BTreeMap;

use kez_core::Code;
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder, schema::Ref};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::error::Checks;

/// Who a handle belongs to.
#[derive(ToSchema)]
pub(super) struct Record {
    /// The handle.
    #[schema(example = "tudisco", pattern = "^[a-z0-9][a-z0-9_-]{2,31}$")]
    handle: String,
    /// `handle@server`
    #[schema(example = "tudisco@kez.lat")]
    fqhn: String,
    /// The key that speaks for the identity now.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    primary: String,
    /// Where the identity's log of key events is.
    sigchain_url: String,
    /// The server's clock when it accepted the registration.
    #[schema(example = "2026-05-25T03:00:00Z", pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
    registered_at: String,
    /// The identity's chain, which keeps its name when the primary changes.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    chain: String,
    /// The id of the chain's newest event; null when nothing is in the chain yet.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    head: Option<String>,
    /// Whether the identity is in use; `false` once its chain was deactivated.
    active: bool,
}

/// A signature over the canonical payload (RFC 8785).
#[derive(ToSchema)]
pub(super) struct Signature {
    /// PureEdDSA over the canonical payload.
    #[schema(example = "ed25519-sha512-jcs")]
    alg: String,
    /// The key that signed; equals the payload's `primary`.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    key: String,
    /// The signature.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    sig: String,
}

/// What is signed, to take or to release a handle.
#[derive(ToSchema)]
pub(super) struct HandlePayload {
    /// `kez.chat.handle_registration` or `kez.chat.handle_release`
    r#type: String,
    /// Always 1.
    version: u8,
    /// The handle.
    #[schema(example = "tudisco")]
    handle: String,
    /// The key that the handle belongs to.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    primary: String,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The signer's clock, within 300 seconds of the server's.
    #[schema(example = "2026-05-25T03:00:00Z", pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
    created_at: String,
}

/// A signed registration.
#[derive(ToSchema)]
pub(super) struct RegistrationEnvelope {
    /// Always `handle_registration`.
    #[schema(example = "handle_registration")]
    kez: String,
    payload: HandlePayload,
    signature: Signature,
}

/// A signed release.
#[derive(ToSchema)]
pub(super) struct ReleaseEnvelope {
    /// Always `handle_release`.
    #[schema(example = "handle_release")]
    kez: String,
    payload: HandlePayload,
    signature: Signature,
}

/// The key of a new device, with its proof for one place of one chain.
#[derive(ToSchema)]
pub(super) struct DeviceOffer {
    /// The genesis key of the chain.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    chain: String,
    /// The number of the event that is to add the device.
    #[schema(minimum = 2)]
    seq: u64,
    /// The id of the event before.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    prev: String,
    /// The device's key.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    key: String,
    /// What to encrypt to the device with.
    #[schema(pattern = "^x25519:[0-9a-f]{64}$", nullable = false)]
    enc_key: Option<String>,
    /// The device's signature of all this.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    pop: String,
}

/// A JSON Resource Descriptor (RFC 7033).
#[derive(ToSchema)]
pub(super) struct Jrd {
    /// `acct:handle@server`
    subject: String,
    /// Other names of the subject.
    aliases: Vec<String>,
    /// The owner's key, under `https://kez.lat/ns/primary`.
    properties: BTreeMap<String, String>,
    links: Vec<Link>,
}

/// One of a descriptor's links.
#[derive(ToSchema)]
pub(super) struct Link {
    /// The relation.
    rel: String,
    /// The target's media type.
    r#type: String,
    /// The target.
    href: String,
}

/// What went wrong (RFC 9457).
#[derive(ToSchema)]
pub(super) struct Problem {
    /// A URL that names the kind of problem.
    r#type: String,
    /// The kind of problem, for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What to do about it.
    detail: String,
    /// The kind of problem, for programs.
    code: ProblemCode,
    /// The server's clock, with `stale_timestamp`.
    #[schema(nullable = false)]
    server_time: Option<String>,
    /// What failed, when the server is not ready.
    #[schema(nullable = false)]
    checks: Option<Checks>,
    /// The chain that had the handle, with `gone`.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$", nullable = false)]
    chain: Option<String>,
    /// Why a sigchain event is refused, by the protocol's name.
    #[schema(nullable = false)]
    reason: Option<String>,
    /// The chain's head, with `chain_conflict`.
    #[schema(nullable = false)]
    head: Option<super::chains::Head>,
    /// The entry of an imported log that is refused; the first is 0.
    #[schema(nullable = false)]
    index: Option<u64>,
}

/// The closed set of problem codes.
struct ProblemCode;

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Code::ALL.iter().map(|code| code.as_str())))
            .description(Some("The closed set of problem codes."))
            .into()
    }
}

impl ToSchema for ProblemCode {}

/// "Or a problem", which every operation may answer.
pub(super) struct ProblemResponses;

impl IntoResponses for ProblemResponses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description("What went wrong, and what to do about it.")
            .content("application/problem+json", content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(response))])
    }
}
