#![expect(dead_code, reason = "these types describe JSON; nothing is ever made of them")]

use std::collections::BTreeMap;

use kez_core::Code;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::formats::{Hash, Key, Time, from_1};

/// The newest event of a chain.
#[derive(ToSchema)]
pub struct Head {
    /// Its number; the genesis is 1.
    #[schema(schema_with = from_1)]
    seq: u64,
    /// Its id.
    hash: Hash,
}

/// What went wrong (RFC 9457).
#[derive(ToSchema)]
pub struct Problem {
    /// A URL that names the kind of problem.
    #[schema(pattern = "^https?://[^/]+/problems/[a-z_]+$")]
    r#type: String,
    /// The kind of problem, for people.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What to do about it.
    detail: String,
    /// The kind of problem, for programs.
    code: ProblemCode,
    /// The server's clock, with `stale_timestamp`.
    #[schema(nullable = false)]
    server_time: Option<Time>,
    /// What was looked at when the server is not ready, and what is wrong with it.
    #[schema(nullable = false)]
    checks: Option<BTreeMap<String, String>>,
    /// The chain that had the handle, with `gone`.
    #[schema(nullable = false)]
    chain: Option<Key>,
    /// Why a sigchain event is refused, by the protocol's name.
    #[schema(pattern = "^[a-z0-9-]+$", nullable = false)]
    reason: Option<String>,
    /// The chain's head, with `chain_conflict`.
    #[schema(nullable = false)]
    head: Option<Head>,
    /// The entry of an imported log that is refused; the first is 0.
    #[schema(nullable = false)]
    index: Option<u64>,
}

/// The closed set of problem codes.
struct ProblemCode;

impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Code::ALL.iter().map(|code| code.as_str())))
            .description(Some("The closed set of problem codes."))
            .into()
    }
}

impl ToSchema for ProblemCode {}
