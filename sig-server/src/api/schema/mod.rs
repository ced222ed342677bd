//! Shapes for the OpenAPI document, of types that the protocol crate defines without knowing HTTP.

#![expect(dead_code, reason = "these types describe JSON; nothing is ever made of them")]

mod event;

use std::collections::BTreeMap;

use kez_http::openapi::{EncKey, Hash, Head, Key, ServerName, Signature, Time, constant, from_1, version};
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};

pub(super) use event::SigchainEvent;

/// What a client has.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Tag {
    /// A tag that the client has.
    #[param(rename = "If-None-Match", nullable = false)]
    if_none_match: Option<String>,
}

/// What a chain's events add up to.
#[derive(ToSchema)]
pub(super) struct State {
    /// The key that speaks for the identity.
    primary: Key,
    /// Who may rotate, the highest authority first.
    rotation_keys: Vec<Key>,
    /// The active devices by key.
    devices: BTreeMap<String, Device>,
    /// The current claims by the ids of the events that made them.
    claims: BTreeMap<String, Claim>,
    /// Every key that had a role and lost it.
    revoked: BTreeMap<String, Revocation>,
    /// The chain's home.
    server: ServerName,
    /// Whether further events are taken.
    active: bool,
}

/// An active device.
#[derive(ToSchema)]
struct Device {
    /// The event that added it.
    #[schema(schema_with = from_1)]
    added_seq: u64,
    /// What to encrypt to it with.
    #[schema(nullable = false)]
    enc_key: Option<EncKey>,
}

/// What the identity says of itself.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// The kind of claim.
    #[schema(min_length = 1, max_length = 32)]
    r#type: String,
    /// What is claimed.
    #[schema(min_length = 1, max_length = 253)]
    subject: String,
    /// Where the proof is.
    #[schema(min_length = 1, max_length = 2048)]
    proof: String,
}

/// When and why a key lost its role.
#[derive(ToSchema)]
struct Revocation {
    /// The event that took the role.
    #[schema(schema_with = from_1)]
    seq: u64,
    /// Why.
    #[schema(pattern = "^(lost|compromised|retired|rotated)$")]
    reason: String,
}

/// A chain in short.
#[derive(ToSchema)]
pub(super) struct ChainSummary {
    /// The genesis key, which names the chain for ever.
    chain: Key,
    /// The id of the first event.
    genesis: Hash,
    head: Head,
    /// Entries of the audit log, displaced ones included.
    #[schema(minimum = 1)]
    count: u64,
    state: State,
}

/// The server's signed word on when it took an event.
#[derive(ToSchema)]
struct ReceiptEnvelope {
    #[schema(schema_with = receipt_tag)]
    kez: String,
    payload: ReceiptPayload,
    signature: Signature,
}

/// What a receipt says.
#[derive(ToSchema)]
struct ReceiptPayload {
    #[schema(schema_with = receipt_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    /// The event's chain.
    chain: Key,
    /// The event's number.
    #[schema(schema_with = from_1)]
    seq: u64,
    /// The event's id.
    hash: Hash,
    /// When the server took it.
    received_at: Time,
    /// Its place in the server's log of all chains.
    #[schema(schema_with = from_1)]
    log_index: u64,
    /// The server's name.
    server: ServerName,
}

/// An accepted event.
#[derive(ToSchema)]
pub(super) struct AcceptedEvent {
    /// The event's id.
    hash: Hash,
    /// Its number.
    #[schema(schema_with = from_1)]
    seq: u64,
    receipt: ReceiptEnvelope,
}

/// Events of a chain.
#[derive(ToSchema)]
pub(super) struct EventPage {
    #[schema(max_items = 500)]
    events: Vec<SigchainEvent>,
    /// What to go on behind; null at the end.
    next: Option<u64>,
}

/// Every event that was ever accepted, in order.
#[derive(ToSchema)]
pub(super) struct AuditLog {
    /// The genesis key.
    chain: Key,
    #[schema(min_items = 1)]
    entries: Vec<AuditEntry>,
}

/// An entry of an audit log.
#[derive(ToSchema)]
struct AuditEntry {
    event: SigchainEvent,
    /// When the server took it.
    received_at: Time,
    receipt: ReceiptEnvelope,
    /// The recovery that displaced it, if one did.
    #[schema(nullable = false)]
    nullified_by: Option<Hash>,
}

/// A log that was taken over.
#[derive(ToSchema)]
pub(super) struct ImportedLog {
    head: Head,
    /// Entries that were new here.
    stored: u64,
}

fn receipt_tag() -> Object {
    constant("sigchain_receipt")
}

fn receipt_type() -> Object {
    constant("kez.sigchain.receipt")
}
