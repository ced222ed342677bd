//! What the sigchain service answers, for the OpenAPI document. Its handlers are in a crate of its own, which other
//! servers mount without such a document.

#![expect(dead_code, reason = "these types and functions describe an API; nothing is ever made of them or called")]

use std::collections::BTreeMap;

use utoipa::{OpenApi, ToSchema};

use super::schema::{Problem, ProblemResponses, Signature};

/// The paths of chains.
#[derive(OpenApi)]
#[openapi(
    paths(chain, import, post, events, event, head, state, audit, export),
    tags((name = "sigchains", description = "Append-only, hash-linked logs of an identity's key events"))
)]
pub(super) struct Chains;

/// The newest event.
#[derive(ToSchema)]
pub(super) struct Head {
    /// Its number; the genesis is 1.
    seq: u64,
    /// Its id.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    hash: String,
}

/// What a chain's events add up to.
#[derive(ToSchema)]
struct State {
    /// The key that speaks for the identity.
    #[schema(pattern = "^ed25519:[0-9a-f]{64}$")]
    primary: String,
    /// Who may rotate, the highest authority first.
    rotation_keys: Vec<String>,
    /// The active devices by key.
    devices: BTreeMap<String, Device>,
    /// The current claims by the ids of the events that made them.
    claims: BTreeMap<String, Claim>,
    /// Every key that had a role and lost it.
    revoked: BTreeMap<String, Revocation>,
    /// The chain's home.
    #[schema(example = "kez.lat")]
    server: String,
    /// Whether further events are taken.
    active: bool,
}

/// An active device.
#[derive(ToSchema)]
struct Device {
    /// The event that added it.
    added_seq: u64,
    /// What to encrypt to it with: `x25519:` and 64 hex digits.
    #[schema(nullable = false)]
    enc_key: Option<String>,
}

/// What the identity says of itself.
#[derive(ToSchema)]
struct Claim {
    /// The kind of claim.
    r#type: String,
    /// What is claimed.
    subject: String,
    /// Where the proof is.
    proof: String,
}

/// When and why a key lost its role.
#[derive(ToSchema)]
struct Revocation {
    /// The event that took the role.
    seq: u64,
    /// `lost`, `compromised`, `retired` or `rotated`.
    reason: String,
}

/// A chain in short.
#[derive(ToSchema)]
struct ChainSummary {
    /// The genesis key, which names the chain for ever.
    chain: String,
    /// The id of the first event.
    genesis: String,
    head: Head,
    /// Entries of the audit log, displaced ones included.
    count: u64,
    state: State,
}

/// A signed key event.
#[derive(ToSchema)]
struct SigchainEvent {
    /// Always `sigchain_event`.
    #[schema(example = "sigchain_event")]
    kez: String,
    payload: EventPayload,
    signature: Signature,
}

/// What is signed.
#[derive(ToSchema)]
struct EventPayload {
    /// `kez.sigchain.` and the event's name.
    #[schema(example = "kez.sigchain.genesis")]
    r#type: String,
    /// Always 1.
    version: u8,
    /// The genesis key.
    chain: String,
    /// Counts from 1 without gaps.
    seq: u64,
    /// The id of the event before; null in the genesis.
    prev: Option<String>,
    /// The signer's clock, which no rule reads.
    created_at: String,
    /// What the event says; its members depend on its type.
    #[schema(value_type = Object)]
    body: (),
}

/// The server's signed word on when it took an event.
#[derive(ToSchema)]
struct ReceiptEnvelope {
    /// Always `sigchain_receipt`.
    #[schema(example = "sigchain_receipt")]
    kez: String,
    /// `type`, `version`, `chain`, `seq`, `hash`, `received_at`, `log_index`, `server`.
    #[schema(value_type = Object)]
    payload: (),
    signature: Signature,
}

/// An accepted event.
#[derive(ToSchema)]
struct AcceptedEvent {
    /// The event's id.
    hash: String,
    /// Its number.
    seq: u64,
    receipt: ReceiptEnvelope,
}

/// Events of a chain.
#[derive(ToSchema)]
struct EventPage {
    events: Vec<SigchainEvent>,
    /// What to go on behind; null at the end.
    next: Option<u64>,
}

/// Every event that was ever accepted, in order.
#[derive(ToSchema)]
struct AuditLog {
    /// The genesis key.
    chain: String,
    entries: Vec<AuditEntry>,
}

/// An entry of an audit log.
#[derive(ToSchema)]
struct AuditEntry {
    event: SigchainEvent,
    /// When the server took it.
    received_at: String,
    receipt: ReceiptEnvelope,
    /// The recovery that displaced it, if one did.
    #[schema(nullable = false)]
    nullified_by: Option<String>,
}

/// A log that was taken over.
#[derive(ToSchema)]
struct ImportedLog {
    head: Head,
    /// Entries that were new here.
    stored: u64,
}

/// A chain in short. Its tag is the head.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits"),
        ("if-none-match" = Option<String>, Header, description = "A tag that the client has")),
    responses((status = 200, description = "The chain.", body = ChainSummary),
        (status = 304, description = "It has the head that the client knows."), ProblemResponses))]
const fn chain() {}

/// Takes over an audit log from another server. Signatures are believed, times are not.
#[utoipa::path(put, path = "/v1/sigchains/ed25519/{hex}", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits")), request_body = AuditLog,
    responses((status = 201, description = "Something was new.", body = ImportedLog),
        (status = 200, description = "All of it was here.", body = ImportedLog), ProblemResponses))]
const fn import() {}

/// Adds an event behind the head, or displaces events by a recovery. The same event again gives the first answer.
#[utoipa::path(post, path = "/v1/sigchains/ed25519/{hex}/events", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits"),
        ("if-match" = Option<String>, Header, description = "The head that the chain must have, in quotes")),
    request_body = SigchainEvent,
    responses((status = 201, description = "It is in the chain, durably.", body = AcceptedEvent),
        (status = 200, description = "It was there already.", body = AcceptedEvent), ProblemResponses))]
const fn post() {}

/// Events of the chain in order; one a line for `Accept: application/jsonl`.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/events", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits"),
        ("after" = Option<u64>, Query, description = "The number to begin behind"),
        ("limit" = Option<u64>, Query, description = "At most so many; 100 unless given, 500 at most")),
    responses((status = 200, description = "The events.",
        content((EventPage = "application/json"), (String = "application/jsonl"), (String = "application/x-ndjson"))),
        ProblemResponses))]
const fn events() {}

/// One event of the chain.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/events/{seq}", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits"),
        ("seq" = u64, Path, description = "The event's number")),
    responses((status = 200, description = "The envelope, canonical.", body = SigchainEvent), ProblemResponses))]
const fn event() {}

/// The newest event.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/head", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits"),
        ("if-none-match" = Option<String>, Header, description = "A tag that the client has")),
    responses((status = 200, description = "Its number and id.", body = Head),
        (status = 304, description = "It is the one that the client knows."), ProblemResponses))]
const fn head() {}

/// What the chain comes to, now or behind an earlier event.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/state", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits"),
        ("at_seq" = Option<u64>, Query, description = "The number of the event")),
    responses((status = 200, description = "The state.", body = State),
        (status = 304, description = "The chain has the head that the client knows."), ProblemResponses))]
const fn state() {}

/// Everything that is needed to verify the chain without trusting this server.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/audit", tag = "sigchains",
    params(("hex" = String, Path, description = "The genesis key, 64 lower-case hex digits")),
    responses((status = 200, description = "The audit log.", body = AuditLog), ProblemResponses))]
const fn audit() {}

/// Everything of all chains, one entry a line; where the operator lets others read it.
#[utoipa::path(get, path = "/v1/export", tag = "sigchains",
    params(("after" = Option<u64>, Query, description = "The log index to begin behind"),
        ("limit" = Option<u64>, Query, description = "At most so many; 100 unless given, 500 at most")),
    responses((status = 200, description = "`{log_index, chain, event, received_at}` a line.",
        body = String, content_type = "application/x-ndjson"),
        (status = 401, description = "The operator's export token is wanted as `Authorization: Bearer`.",
            body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The operator shows nobody this log.",
            body = Problem, content_type = "application/problem+json"), ProblemResponses))]
const fn export() {}
