//! "A conversation of mine begins": whoever made a group asks the home server to put its commits in order from now on.

use crate::canonical::{Json, Object, member, object};
use crate::envelope::{
    Alg, Envelope, EnvelopeType, Payload, malformed_key, no_more, sign, take_hex, take_string, take_time,
};
use crate::hash::Hash;
use crate::key::{KeyId, MalformedKey, SigningKey};
use crate::problem::Problem;
use crate::registration::Admission;
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// The start of a conversation about to be signed.
#[derive(Clone, Debug)]
pub struct Start {
    /// The conversation: the group's id, 16 random bytes.
    pub conversation: [u8; 16],
    /// The chain key of the identity that made the group.
    pub from: KeyId,
    /// Its home server.
    pub server: ServerName,
    /// The signer's clock.
    pub created_at: Timestamp,
    /// SHA-256 of what only members of epoch 1 know.
    pub gate: [u8; 32],
}

impl Start {
    /// Signs with a key that stands for `from`, and returns the envelope's canonical bytes, ready to be sent.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let payload = object([
            member("type", EnvelopeType::ConversationStart.payload_type()),
            ("version".to_owned(), Json::Integer(1)),
            member("conversation", const_hex::encode(self.conversation)),
            member("from", self.from),
            member("server", &self.server),
            member("created_at", self.created_at),
            member("gate", const_hex::encode(self.gate)),
        ]);
        sign(EnvelopeType::ConversationStart, payload, key)
    }
}

/// A start that passed every check that needs no database: it is signed, for this server, in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedStart {
    /// The key that signed.
    pub signer: KeyId,
    /// The identity that it says to stand for.
    pub from: KeyId,
    /// The conversation.
    pub conversation: [u8; 16],
    /// SHA-256 of what only members of epoch 1 know.
    pub gate: [u8; 32],
    /// The signer's time.
    pub created_at: Timestamp,
    /// The envelope's id.
    pub id: Hash,
}

impl Admission<'_> {
    /// Judges the start of a conversation: all that needs no database.
    ///
    /// # Errors
    /// Those of [`Admission::key_packages`].
    pub fn conversation_start(&self, text: &[u8]) -> Result<AdmittedStart, Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::ConversationStart)?;
        let signer = envelope.verify(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, _) = envelope.into_parts();
        self.is_here(&members.server)?;
        self.is_timely(members.created_at)?;
        let from = members.from.parse().map_err(malformed_key)?;
        let Members { conversation, created_at, gate, .. } = members;
        Ok(AdmittedStart { signer, from, conversation, gate, created_at, id })
    }
}

/// The payload's members as they were sent: of the right JSON types and forms, not yet judged.
#[derive(Debug)]
pub(crate) struct Members {
    conversation: [u8; 16],
    from: String,
    server: String,
    created_at: Timestamp,
    gate: [u8; 32],
}

impl Payload for Members {
    fn read(mut payload: Object) -> Result<Self, Problem> {
        let members = Members {
            conversation: take_hex(&mut payload, "conversation")?,
            from: take_string(&mut payload, "from")?,
            server: take_string(&mut payload, "server")?,
            created_at: take_time(&mut payload, "created_at")?,
            gate: take_hex(&mut payload, "gate")?,
        };
        no_more(&payload)?;
        Ok(members)
    }

    fn owner(&self) -> Result<Option<KeyId>, MalformedKey> {
        Ok(None)
    }

    fn named(&self) -> Result<Vec<KeyId>, MalformedKey> {
        Ok(vec![self.from.parse()?])
    }
}
