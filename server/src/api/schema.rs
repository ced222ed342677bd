//! Shapes for the OpenAPI document, of types that the protocol crate defines without knowing HTTP.

#![expect(dead_code, reason = "these types describe JSON; nothing is ever made of them")]

mod conversations;

use std::collections::BTreeMap;

use kez_http::openapi::{EncKey, Handle, Hash, Key, Sig, Signature, Time, constant, seq, version};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

pub(super) use conversations::{
    CommitMessage, ConversationCommit, ConversationId, ConversationLogPart, ConversationStartEnvelope, GateHash,
};

/// Who a handle belongs to.
#[derive(ToSchema)]
pub(super) struct Record {
    /// The handle.
    handle: Handle,
    /// `handle@server`
    #[schema(example = "tudisco@kez.lat", pattern = r"^[a-z0-9][a-z0-9_-]{2,31}@[a-z0-9.:\[\]-]+$")]
    fqhn: String,
    /// The key that speaks for the identity now.
    primary: Key,
    /// Where the identity's log of key events is.
    #[schema(pattern = "^https?://[^/]+/v1/sigchains/ed25519/[0-9a-f]{64}$")]
    sigchain_url: String,
    /// The server's clock when it accepted the registration.
    registered_at: Time,
    /// The identity's chain, which keeps its name when the primary changes.
    chain: Key,
    /// The id of the chain's newest event; null when nothing is in the chain yet.
    head: Option<Hash>,
    /// Whether the identity is in use; `false` once its chain was deactivated.
    active: bool,
}

/// What is signed, to take a handle.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct RegistrationPayload {
    #[schema(schema_with = registration_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    handle: Handle,
    /// The key that the handle belongs to.
    primary: Key,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The signer's clock, within 300 seconds of the server's.
    created_at: Time,
}

/// What is signed, to release a handle.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ReleasePayload {
    #[schema(schema_with = release_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    handle: Handle,
    /// The key that the handle belongs to.
    primary: Key,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The signer's clock, within 300 seconds of the server's.
    created_at: Time,
}

/// A signed registration.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationEnvelope {
    #[schema(schema_with = registration_tag)]
    kez: String,
    payload: RegistrationPayload,
    /// By the payload's `primary`.
    signature: Signature,
}

/// A signed release.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseEnvelope {
    #[schema(schema_with = release_tag)]
    kez: String,
    payload: ReleasePayload,
    /// By the payload's `primary`.
    signature: Signature,
}

/// The key of a new device, with its proof for one place of one chain.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceOffer {
    /// The genesis key of the chain.
    chain: Key,
    /// The number of the event that is to add the device.
    #[schema(schema_with = from_2)]
    seq: u64,
    /// The id of the event before.
    prev: Hash,
    /// The device's key.
    key: Key,
    /// What to encrypt to the device with.
    #[schema(nullable = false)]
    enc_key: Option<EncKey>,
    /// The device's signature of all this.
    pop: Sig,
}

/// An offer that waits.
#[derive(ToSchema)]
pub(super) struct WaitingOffer {
    /// The genesis key of the chain.
    chain: Key,
    /// The number of the event that is to add the device.
    #[schema(schema_with = from_2)]
    seq: u64,
    /// The id of the event before.
    prev: Hash,
    /// The device's key.
    key: Key,
    /// What to encrypt to the device with.
    #[schema(nullable = false)]
    enc_key: Option<EncKey>,
    /// The device's signature of all this.
    pop: Sig,
    /// When the offer ends, by the server's clock.
    expires_at: Time,
}

/// A JSON Resource Descriptor (RFC 7033).
#[derive(ToSchema)]
pub(super) struct Jrd {
    /// `acct:handle@server`
    #[schema(pattern = "^acct:[^@]+@[^@]+$")]
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

/// What is signed by a device, to leave key packages here.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyPackagesPayload {
    #[schema(schema_with = key_packages_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    /// The chain of the identity that the device belongs to.
    chain: Key,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The device's clock, within 300 seconds of the server's.
    created_at: Time,
    /// Drawn at random.
    #[schema(schema_with = nonce)]
    nonce: String,
    /// Whether the device's packages that are not listed here are to be forgotten.
    replace: bool,
    /// One-time packages.
    #[schema(max_items = 12)]
    packages: Vec<KeyPackage>,
    /// What is handed out when there is no other; null to leave what is there.
    last_resort: Option<KeyPackage>,
}

/// Key packages, signed by their device.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyPackagesEnvelope {
    #[schema(schema_with = key_packages_tag)]
    kez: String,
    payload: KeyPackagesPayload,
    /// By the primary or an active device key of `chain`.
    signature: Signature,
}

/// What is signed, to get key packages of somebody's devices.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyPackageClaimPayload {
    #[schema(schema_with = key_package_claim_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    /// The chain of who claims.
    from: Key,
    /// The chain of whose devices they are.
    to: Key,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The signer's clock, within 300 seconds of the server's.
    created_at: Time,
    /// Drawn at random.
    #[schema(schema_with = nonce)]
    nonce: String,
    /// The devices that are wanted; none for all that are active.
    #[schema(max_items = 64)]
    devices: Vec<Key>,
}

/// A signed claim.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyPackageClaimEnvelope {
    #[schema(schema_with = key_package_claim_tag)]
    kez: String,
    payload: KeyPackageClaimPayload,
    /// By the primary or an active device key of `from`.
    signature: Signature,
}

/// What is signed by a device, to say which life of its conversations' state it is in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ChatInstancePayload {
    #[schema(schema_with = chat_instance_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    /// The chain of the identity that the device belongs to.
    chain: Key,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The device's clock, within 300 seconds of the server's.
    created_at: Time,
    /// The instance that it was; null from a state that holds nothing.
    #[schema(schema_with = previous_instance)]
    previous: Option<String>,
    /// The instance that it is from now on, drawn at random.
    #[schema(schema_with = instance)]
    instance: String,
}

/// An instance of a device's state, signed by the device.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChatInstanceEnvelope {
    #[schema(schema_with = chat_instance_tag)]
    kez: String,
    payload: ChatInstancePayload,
    /// By the primary or an active device key of `chain`.
    signature: Signature,
}

/// A key package.
pub(super) struct KeyPackage;

impl PartialSchema for KeyPackage {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "An MLSMessage of wire format mls_key_package and cipher suite 3 (RFC 9420), 64 to 4,096 bytes, in base64url \
                 without padding.",
            ))
            .pattern(Some("^AAEABQABAA[M-P][A-Za-z0-9_-]{75,5451}$"))
            .into()
    }
}

impl ToSchema for KeyPackage {}

pub(super) fn open() -> Object {
    constant("open")
}

fn registration_tag() -> Object {
    constant("handle_registration")
}

fn registration_type() -> Object {
    constant("kez.chat.handle_registration")
}

fn release_tag() -> Object {
    constant("handle_release")
}

fn release_type() -> Object {
    constant("kez.chat.handle_release")
}

fn key_packages_tag() -> Object {
    constant("key_packages")
}

fn key_packages_type() -> Object {
    constant("kez.chat.key_packages")
}

fn key_package_claim_tag() -> Object {
    constant("key_package_claim")
}

fn key_package_claim_type() -> Object {
    constant("kez.chat.key_package_claim")
}

fn chat_instance_tag() -> Object {
    constant("chat_instance")
}

fn chat_instance_type() -> Object {
    constant("kez.chat.chat_instance")
}

fn nonce() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{32}$")).build()
}

/// As a nonce is written.
pub(super) fn instance() -> Object {
    nonce()
}

fn previous_instance() -> Object {
    let types = [Type::String, Type::Null];
    ObjectBuilder::new().schema_type(SchemaType::from_iter(types)).pattern(Some("^[0-9a-f]{32}$")).build()
}

/// Nothing is offered for the genesis.
fn from_2() -> Object {
    seq(2)
}
