//! How identifiers are written. What a pattern lets through is well formed, no more: not every 64 digits are a key.

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! formats {
    ($($name:ident $description:literal $pattern:literal $example:literal;)*) => {$(
        #[doc = $description]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($description))
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

formats! {
    Key "An Ed25519 public key: `ed25519:` and 64 lower-case hex digits."
        "^ed25519:[0-9a-f]{64}$"
        "ed25519:2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12";
    EncKey "An X25519 public key: `x25519:` and 64 lower-case hex digits."
        "^x25519:[0-9a-f]{64}$"
        "x25519:8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
    Hash "SHA-256 of a canonical envelope, which is its id: `sha256:` and 64 lower-case hex digits."
        "^sha256:[0-9a-f]{64}$"
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    Sig "A signature (RFC 8032): 128 lower-case hex digits."
        "^[0-9a-f]{128}$"
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    Time "RFC 3339, UTC, whole seconds, a literal `Z`."
        "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
        "2026-05-25T03:00:00Z";
    Handle "3 to 32 characters: small letters, digits, `-` and `_`, the first a letter or a digit."
        "^[a-z0-9][a-z0-9_-]{2,31}$"
        "tudisco";
    ServerName "A host in lower case, with a port where it has one."
        r"^([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[1-9][0-9]{0,4})?$"
        "kez.lat";
}

/// A member that says the same in every document.
#[must_use]
pub fn constant(value: impl Into<Value>) -> Object {
    let value = value.into();
    let kind = if value.is_string() { Type::String } else { Type::Integer };
    ObjectBuilder::new().schema_type(kind).enum_values(Some([value])).build()
}

/// A number that counts from `first`, as JSON can write it (RFC 8259 section 6).
#[must_use]
pub fn seq(first: u64) -> Object {
    const LARGEST: u64 = (1 << 53) - 1;
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(first)).maximum(Some(LARGEST)).build()
}

/// A number that counts from 1.
#[must_use]
pub fn from_1() -> Object {
    seq(1)
}

/// The version of every statement so far.
#[must_use]
pub fn version() -> Object {
    constant(1)
}

/// That a server is ready.
#[must_use]
pub fn ready() -> Object {
    constant("ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_has_one_value() {
        assert_eq!(
            serde_json::to_value(constant(1)).ok(),
            serde_json::from_str(r#"{"type":"integer","enum":[1]}"#).ok()
        );
    }
}
