//! Events: one payload for each type, and one for the types that are not listed.

use kez_http::openapi::{EncKey, Hash, Key, ServerName, Sig, Signature, Time, constant, seq, version};
use utoipa::openapi::schema::{AdditionalProperties, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::Claim;

/// A signed key event.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct SigchainEvent {
    #[schema(schema_with = tag)]
    kez: String,
    payload: EventPayload,
    signature: Signature,
}

/// What is signed.
struct EventPayload;

/// Starts the chain.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Genesis {
    /// The chain's key, which is also the one that signs.
    primary: Key,
    #[schema(schema_with = rotation_keys)]
    rotation_keys: Vec<Key>,
    /// The chain's home.
    server: ServerName,
}

/// Adds a device.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct AddDeviceKey {
    /// The device's key.
    key: Key,
    /// What to encrypt to the device with.
    #[schema(nullable = false)]
    enc_key: Option<EncKey>,
    /// The key's proof of possession, for this place of the chain.
    pop: Sig,
}

/// Takes a device away for good.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeKey {
    /// The device's key.
    key: Key,
    #[schema(pattern = "^(lost|compromised|retired)$")]
    reason: String,
}

/// Replaces the primary and the whole list of rotation keys; the only event that may fork.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct RotatePrimary {
    /// The new one.
    primary: Key,
    #[schema(schema_with = rotation_keys)]
    rotation_keys: Vec<Key>,
    /// The new primary's proof of possession, for this place of the chain.
    pop: Sig,
}

/// Adds a claim, whose id is the event's.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ClaimAdd {
    claim: Claim,
}

/// Takes a claim away.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ClaimRemove {
    claim: Hash,
}

/// Another server is the chain's home from now on.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ServerMove {
    from: ServerName,
    to: ServerName,
}

/// The chain takes no further event.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Deactivate {
    #[schema(nullable = false, max_length = 200)]
    reason: Option<String>,
}

impl PartialSchema for EventPayload {
    fn schema() -> RefOr<Schema> {
        let listed = |event: &str, body: RefOr<Schema>| {
            payload(constant(format!("kez.sigchain.{event}")), body, event == "genesis").build()
        };
        let other = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^kez\.sigchain\..+$"));
        let unlisted = payload(other.build(), ObjectBuilder::new().build().into(), false)
            .property("critical", ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])))
            .required("critical")
            .description(Some("A type that is not listed here: it is kept, and changes nothing."));
        OneOfBuilder::new()
            .description(Some("What is signed."))
            .item(listed("genesis", Genesis::schema()))
            .item(listed("add_device_key", AddDeviceKey::schema()))
            .item(listed("revoke_key", RevokeKey::schema()))
            .item(listed("rotate_primary", RotatePrimary::schema()))
            .item(listed("claim_add", ClaimAdd::schema()))
            .item(listed("claim_remove", ClaimRemove::schema()))
            .item(listed("server_move", ServerMove::schema()))
            .item(listed("deactivate", Deactivate::schema()))
            .item(unlisted.build())
            .into()
    }
}

impl ToSchema for EventPayload {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend([(Key::name().into(), Key::schema()), (Hash::name().into(), Hash::schema())]);
        schemas.push((Time::name().into(), Time::schema()));
        Genesis::schemas(schemas);
        AddDeviceKey::schemas(schemas);
        ClaimAdd::schemas(schemas);
    }
}

fn payload(kind: Object, body: RefOr<Schema>, is_first: bool) -> ObjectBuilder {
    let reference = |name: &str| Ref::from_schema_name(name);
    let before = if is_first {
        RefOr::from(Schema::from(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null)).build()))
    } else {
        reference("Hash").into()
    };
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", kind)
        .property("version", version())
        .property("chain", reference("Key"))
        .property("seq", if is_first { constant(1) } else { seq(2) })
        .property("prev", before)
        .property("created_at", reference("Time"))
        .property("body", body)
        .required("type")
        .required("version")
        .required("chain")
        .required("seq")
        .required("prev")
        .required("created_at")
        .required("body")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn tag() -> Object {
    constant("sigchain_event")
}

/// One to five, no two alike, the highest authority first; the primary is one of them.
fn rotation_keys() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::ArrayBuilder::new()
        .items(Ref::from_schema_name("Key"))
        .min_items(Some(1))
        .max_items(Some(5))
        .unique_items(true)
        .description(Some("The highest authority first; the primary is one of them."))
        .build()
}
