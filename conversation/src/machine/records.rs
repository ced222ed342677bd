//! What the machine writes down, beside the library's own records.

use data_encoding::BASE64URL_NOPAD;
use kez_core::{KeyId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::content::Id;
use crate::context::Cid;
use crate::event::Stands;

/// `instance`: which life of the state this is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// The one that the server took last, as far as is known here.
    pub(crate) current: Option<Id>,
    /// The one that is being said, from the moment when it is said until there is an answer: a backup that holds it could
    /// repeat what the state did that went on.
    pub(crate) next: Option<Id>,
    pub(crate) created_at: Timestamp,
}

/// `contact/<chain>`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) stands: Stands,
    pub(crate) since: Timestamp,
}

/// `group/<cid>`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) cid: Cid,
    /// The other identity; the own chain for the own conversation.
    pub(crate) peer: KeyId,
    pub(crate) r#gen: u64,
    /// The library's life of it, and from which epoch on; earlier ones are kept for late frames.
    pub(crate) lives: Vec<(u32, u64)>,
    pub(crate) epoch: u64,
    /// The server's clock at the start, seconds since 1970; 0 while it is not known.
    pub(crate) started_at: i64,
    pub(crate) status: Status,
    pub(crate) start: Option<Start>,
    pub(crate) pending: Option<Pending>,
    /// When this device last made a commit, and how many frames it encrypted in this epoch.
    pub(crate) own_commit_at: Timestamp,
    pub(crate) own_frames: u32,
    /// Whether this device was added and has not made a commit since.
    pub(crate) added: bool,
    /// Past epochs whose keys are kept: when they ended, and whether the mailbox was empty since.
    pub(crate) ended: Vec<(u64, Timestamp, bool)>,
    /// Nonces of rejoins that commits answered.
    pub(crate) answered: Vec<String>,
    /// What was said in this epoch after the log was last read: a device may have come in without it.
    pub(crate) unsure: Vec<Id>,
    /// Whether this device came in by a package that others may have used, and makes a commit at once.
    pub(crate) hurry: bool,
    /// This device's leaf and the other leaves, as of this epoch.
    pub(crate) own: u32,
    pub(crate) leaves: Vec<(u32, KeyId, KeyId)>,
}

/// How a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    /// The server does not have it yet.
    Starting,
    Following,
    /// It cannot go on for anybody.
    Stopped,
    /// This device was taken out.
    Removed,
}

/// A group's start, until the server has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    #[serde(with = "const_hex")]
    pub(crate) gate: [u8; 32],
    pub(crate) created_at: Timestamp,
    pub(crate) welcome: Bytes,
    pub(crate) devices: Vec<KeyId>,
    /// Those of them that were in a conversation with this identity before.
    pub(crate) known: Vec<KeyId>,
}

/// A commit that was made and whose fate is not known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) epoch: u64,
    pub(crate) commit: Bytes,
    #[serde(with = "const_hex")]
    pub(crate) gate: [u8; 32],
    #[serde(with = "const_hex")]
    pub(crate) next_gate: [u8; 32],
    pub(crate) secrets: Bytes,
    pub(crate) welcome: Option<Bytes>,
    pub(crate) adds: Vec<KeyId>,
    /// The packages that it uses up, to be used in the next one if it loses.
    pub(crate) packages: Vec<(String, Claimed)>,
    pub(crate) removes: bool,
}

/// `mail/<seq>` and `sealed/<seq>`: a frame that was acknowledged and is not dealt with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub(crate) sender: KeyId,
    pub(crate) frame: Bytes,
    pub(crate) at: Timestamp,
    /// Whether this device asked to be taken in again because of it.
    pub(crate) asked: bool,
}

/// `out/<seq>`: something to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Out {
    pub(crate) peer: KeyId,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
    /// For these devices alone; else for all other leaves when it is encrypted.
    pub(crate) only: Option<Vec<KeyId>>,
    /// The frame, once there is one, and what is left to publish.
    pub(crate) sent: Option<Sent>,
}

/// What is to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum What {
    /// Content, encrypted when it is published.
    Content {
        id: Id,
        bytes: Bytes,
        /// Whether the person waits for it.
        said: bool,
    },
    /// A frame as it is: a Welcome of a group, or an envelope.
    Frame { cid: Option<Cid> },
}

/// A frame that is being published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) cid: Option<Cid>,
    pub(crate) epoch: u64,
    pub(crate) frame: Bytes,
    /// Mailboxes that have not taken it, each with the frame's id there.
    pub(crate) todo: Vec<(KeyId, Id)>,
    /// Mailboxes that took it while a commit of one's own was under way: if the log has that one before, some reader may have
    /// let go of what opens this.
    pub(crate) late: Vec<KeyId>,
}

/// `said/<peer>/<id>`: what the own identity said, and who has it for certain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) at: Timestamp,
    pub(crate) device: KeyId,
    pub(crate) bytes: Bytes,
    pub(crate) confirmed: Vec<KeyId>,
}

/// `made/<reference>`: a package of one's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) at: Timestamp,
    pub(crate) last_resort: bool,
    /// The package, until the server has it.
    pub(crate) upload: Option<Bytes>,
}

/// `claimed/<device>/<hash>`: a package that was given to this device to use once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claimed {
    pub(crate) chain: KeyId,
    pub(crate) last_resort: bool,
    pub(crate) at: Timestamp,
    pub(crate) package: Bytes,
}

/// `lost/<peer>`: conversations with this identity that cannot be followed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lost {
    pub(crate) since: Timestamp,
    /// When nobody's answer is waited for any longer.
    pub(crate) first_asked: Option<Timestamp>,
    /// Whether something was lost; else there is only no conversation yet.
    pub(crate) state: bool,
}

/// `answer/<nonce>`: somebody's rejoin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToAnswer {
    pub(crate) peer: KeyId,
    pub(crate) chain: KeyId,
    pub(crate) device: KeyId,
    pub(crate) created_at: Timestamp,
    pub(crate) came: Timestamp,
    pub(crate) done: bool,
}

/// Bytes in a record, written in base64url and wiped when dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Zeroizing<Vec<u8>>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes(Zeroizing::new(bytes))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64URL_NOPAD.encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        BASE64URL_NOPAD.decode(text.as_bytes()).map(Bytes::from).map_err(de::Error::custom)
    }
}
