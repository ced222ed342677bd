#![expect(dead_code, reason = "this type describes JSON; nothing is ever made of it")]

use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::formats::{Key, Sig, constant};

/// A signature over the canonical payload (RFC 8785).
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// PureEdDSA over the canonical payload.
    #[schema(schema_with = alg)]
    alg: String,
    /// The key that signed.
    key: Key,
    /// The signature.
    sig: Sig,
}

fn alg() -> Object {
    constant("ed25519-sha512-jcs")
}
