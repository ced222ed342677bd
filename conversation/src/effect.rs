//! What the machine wants done, in the order in which it is wanted, once the step's writes are durable.

use kez_core::canonical::Json;
use kez_core::{KeyId, Timestamp};

use crate::content::{Content, Id};
use crate::context::Cid;
use crate::store::Batch;

/// One step: first the writes, all or none and durable; then the effects. A driver that cannot write drops the machine and
/// opens another one from what is stored.
#[derive(Debug, Default)]
#[must_use = "a step is done by its driver"]
pub struct Step {
    /// What is written before anything else happens.
    pub writes: Batch,
    /// What is done then.
    pub effects: Vec<Effect>,
}

/// Something for the driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the broker that a frame is kept here.
    Acknowledge(u64),
    /// Pull until the mailbox is empty, hand in what is found, and then say so ([`crate::Event::MailboxEmpty`]). Frames
    /// that come at other times are handed in as they come.
    Look {
        /// What to say it by.
        look: u64,
    },
    /// Publish a frame, and say what became of it ([`crate::Event::Published`]).
    Publish {
        /// What to say it by.
        publish: u64,
        /// The device whose mailbox it is for.
        device: KeyId,
        /// Its `Nats-Msg-Id`, the same whenever it is sent again.
        message_id: [u8; 16],
        /// The frame.
        frame: Vec<u8>,
    },
    /// Ask the home server, and say what it answered ([`crate::Event::Answered`]).
    Ask {
        /// What to say it by.
        request: u64,
        /// What to ask.
        what: Request,
    },
    /// Sign for a chat key with the device's key ([`kez_core::chat_leaf::sign`], [`crate::Event::Vouched`]).
    Vouch {
        /// The chat key.
        chat_key: [u8; 32],
    },
    /// Sign a rejoin with the device's key ([`kez_core::rejoin::Rejoin::sign`], [`crate::Event::SignedRejoin`]).
    SignRejoin(kez_core::rejoin::Rejoin),
    /// Hand in [`crate::Event::Tick`] when the steady clock shows this, in milliseconds.
    WakeAt(u64),
    /// Tell the person.
    Tell(Notice),
}

/// A question to the home server. Those that are envelopes are signed with the device's key; the same question is the same
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members are those of docs/PROTOCOL.md")]
pub enum Request {
    /// `POST /v1/keypackages`
    Upload {
        packages: Vec<Vec<u8>>,
        last_resort: Option<Vec<u8>>,
        replace: bool,
        created_at: Timestamp,
        nonce: [u8; 16],
    },
    /// `POST /v1/keypackages/claims`
    Claim { to: KeyId, devices: Vec<KeyId>, created_at: Timestamp, nonce: [u8; 16] },
    /// `POST /v1/conversations`
    Start { conversation: Cid, gate: [u8; 32], created_at: Timestamp },
    /// `POST /v1/conversations/commits`
    Commit { conversation: Cid, epoch: u64, gate: [u8; 32], next_gate: [u8; 32], commit: Vec<u8> },
    /// `POST /v1/conversations/log`
    Log { conversation: Cid, after: u64 },
    /// The chain of an identity, verified ([`crate::Facts`]), and whether its handle is live.
    Chain { chain: KeyId },
    /// `POST /v1/chat/instance`
    Instance { previous: Option<[u8; 16]>, instance: [u8; 16], created_at: Timestamp },
}

/// Something for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something was said; each is told once.
    Said {
        /// The other identity of the thread.
        with: KeyId,
        /// Who said it.
        by: KeyId,
        /// On which device.
        device: KeyId,
        /// What.
        content: Content,
        /// Whether the device is one that one would still encrypt to.
        good: bool,
    },
    /// A message of one's own is in all mailboxes.
    Delivered {
        /// The other identity of the thread.
        with: KeyId,
        /// Which.
        id: Id,
    },
    /// After 30 days a mailbox has not taken it.
    GivenUp {
        /// The other identity of the thread.
        with: KeyId,
        /// Which.
        id: Id,
        /// The devices that do not get it.
        devices: Vec<KeyId>,
    },
    /// What is said with this identity waits.
    Waiting {
        /// The other identity.
        with: KeyId,
        /// Why.
        why: Wait,
    },
    /// Devices came into or left the conversation.
    Devices {
        /// The other identity.
        with: KeyId,
        /// Who came.
        joined: Vec<KeyId>,
        /// Who left.
        left: Vec<KeyId>,
    },
    /// A conversation cannot go on and is begun anew by who sends next.
    Stopped {
        /// The other identity.
        with: KeyId,
        /// Which.
        conversation: Cid,
    },
    /// Somebody who is no contact would like to talk: a Welcome is kept unopened.
    Asked {
        /// Who.
        by: KeyId,
    },
    /// Another device of the person's says what is so; how they stand to others ([`crate::Stands`]) is known here by then.
    Noted {
        /// Under what.
        key: String,
        /// What is so.
        value: Json,
    },
    /// Whom the person asked has accepted.
    Accepted {
        /// Who.
        by: KeyId,
    },
    /// The home server shows less of a chain than somebody has seen, or something else.
    Hidden {
        /// Whose chain.
        chain: KeyId,
        /// Who has seen more.
        seen_by: KeyId,
    },
    /// The state was a copy or restored from one: conversations begin anew, texts are kept.
    BeganAnew,
    /// A copy of this device's state was at work in this conversation. This one asks to be taken in again.
    Copied {
        /// The other identity.
        with: KeyId,
    },
    /// Somebody else uses this device's key: nothing is sent until the person decides.
    SomebodyElse,
}

/// Why something waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// No device of the other identity can be taken in yet.
    NoPackages,
    /// The conversation is being begun or joined.
    NoConversation,
    /// The home server takes no more for now.
    Limited,
}
