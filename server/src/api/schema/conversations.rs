//! What is asked about conversations.

use kez_http::openapi::{Key, Signature, Time, constant, version};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What is signed, to start a conversation.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ConversationStartPayload {
    #[schema(schema_with = start_type)]
    r#type: String,
    #[schema(schema_with = version)]
    version: u8,
    conversation: ConversationId,
    /// The chain of the identity that starts it.
    from: Key,
    /// The server's name.
    #[schema(example = "kez.lat")]
    server: String,
    /// The signer's clock, within 300 seconds of the server's.
    created_at: Time,
    /// SHA-256 of what only members of epoch 1 know.
    gate: GateHash,
}

/// A signed start of a conversation.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ConversationStartEnvelope {
    #[schema(schema_with = start_tag)]
    kez: String,
    payload: ConversationStartPayload,
    /// By the primary or an active device key of `from`.
    signature: Signature,
}

/// A commit that is to end an epoch.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ConversationCommit {
    conversation: ConversationId,
    /// The epoch that it ends.
    #[schema(minimum = 0)]
    epoch: u64,
    /// What only members of that epoch know, in 64 lower-case hex digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    gate: String,
    /// SHA-256 of what only members of the next epoch know.
    next_gate: GateHash,
    commit: CommitMessage,
}

/// Which part of a conversation's log is wanted.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ConversationLogPart {
    conversation: ConversationId,
    /// Commits that ended later epochs than this one; 0 where it is left out.
    #[schema(minimum = 0, nullable = false)]
    after: Option<u64>,
    /// So many at most; 100 where it is left out.
    #[schema(minimum = 1, maximum = 100, nullable = false)]
    limit: Option<u64>,
}

/// A conversation's id.
pub(in crate::api) struct ConversationId;

impl PartialSchema for ConversationId {
    fn schema() -> RefOr<Schema> {
        text("A conversation's id: the group's, 16 random bytes in lower-case hex.", "^[0-9a-f]{32}$")
    }
}

impl ToSchema for ConversationId {}

/// A hash of a gate.
pub(in crate::api) struct GateHash;

impl PartialSchema for GateHash {
    fn schema() -> RefOr<Schema> {
        text("SHA-256 of an epoch's gate, which only its members know, in lower-case hex.", "^[0-9a-f]{64}$")
    }
}

impl ToSchema for GateHash {}

/// A commit.
pub(in crate::api) struct CommitMessage;

impl PartialSchema for CommitMessage {
    fn schema() -> RefOr<Schema> {
        // A bound of so many characters is too much for the patterns of some readers.
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("An MLSMessage (RFC 9420), 1 to 65,536 bytes in base64url without padding."))
            .pattern(Some("^[A-Za-z0-9_-]+$"))
            .min_length(Some(2))
            .max_length(Some(87_382))
            .into()
    }
}

impl ToSchema for CommitMessage {}

fn text(description: &str, pattern: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).pattern(Some(pattern)).into()
}

fn start_tag() -> Object {
    constant("conversation_start")
}

fn start_type() -> Object {
    constant("kez.chat.conversation_start")
}
