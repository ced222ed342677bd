//! What happens to the machine.

use kez_core::KeyId;
use kez_core::canonical::Json;

use crate::content::Body;
use crate::facts::Facts;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The broker lets this device in.
    Connected,
    /// The connection is gone; what was asked or published and not answered has no answer.
    Disconnected,
    /// A frame came.
    Frame {
        /// By what it is acknowledged.
        token: u64,
        /// The identity that sent it, as the broker vouches.
        sender: KeyId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// A pull that began after [`crate::Effect::Look`] found the mailbox empty: what was in it then has been handed in.
    MailboxEmpty {
        /// Which look.
        look: u64,
    },
    /// How the person stands to an identity.
    Contact {
        /// Which identity.
        chain: KeyId,
        /// How.
        stands: Stands,
    },
    /// Somebody who is a contact asks to be one: they lost everything, and a conversation is begun anew.
    AskedAgain {
        /// Who.
        chain: KeyId,
    },
    /// The home server answered, or nobody did.
    Answered {
        /// Which request.
        request: u64,
        /// What.
        answer: Answer,
    },
    /// What became of a publish.
    Published {
        /// Which.
        publish: u64,
        /// Whether the broker keeps it.
        kept: bool,
    },
    /// The device's key signed for a chat key.
    Vouched {
        /// The chat key.
        chat_key: [u8; 32],
        /// The signature.
        signature: [u8; 64],
    },
    /// The device's key signed a rejoin.
    SignedRejoin {
        /// To whom.
        to: KeyId,
        /// The envelope.
        envelope: Vec<u8>,
    },
    /// Time went on.
    Tick,
    /// The person says something; the own chain is the conversation among the own devices.
    Say {
        /// To whom.
        with: KeyId,
        /// What.
        body: Body,
    },
    /// The person notes something that all own devices are to know, such as how far a thread was read.
    Note {
        /// Under what.
        key: String,
        /// What is so.
        value: Json,
    },
}

/// How the person stands to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Stands {
    /// No contact, or not any longer.
    Stranger,
    /// The person asked them.
    Asked,
    /// A contact.
    Contact {
        /// Whether it was this device that accepted: it makes the group.
        accepted_here: bool,
    },
}

/// An answer of the home server.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Packages are there: how many may be claimed, and whether there is a last resort.
    Uploaded {
        /// One-time packages.
        available: u32,
        /// Whether there is a last resort.
        has_last_resort: bool,
    },
    /// Packages of devices.
    Claimed(Vec<Given>),
    /// The conversation's log has begun.
    Started,
    /// The commit is in the log, now or before.
    Committed,
    /// A part of a log.
    Log(Log),
    /// A chain.
    Chain(Facts),
    /// This life of the state is the only one; `known` if the server had it before.
    Instance {
        /// Whether the server knew it.
        known: bool,
    },
    /// The server refuses.
    Refused(Refused),
    /// There was no answer that says anything.
    None,
}

/// A package as it was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// For which device.
    pub device: KeyId,
    /// The package.
    pub package: Vec<u8>,
    /// Whether others may have been given it, too.
    pub last_resort: bool,
}

/// A part of a conversation's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Commits in order.
    pub commits: Vec<Entry>,
    /// The current epoch.
    pub epoch: u64,
    /// SHA-256 of the current epoch's gate.
    pub gate: [u8; 32],
    /// The first epoch whose commit is kept.
    pub oldest: u64,
    /// SHA-256 of its gate.
    pub oldest_gate: [u8; 32],
    /// When the conversation was started, by the server's clock, in seconds since 1970.
    pub started_at: i64,
}

/// A commit in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The epoch that it ends.
    pub epoch: u64,
    /// The commit.
    pub commit: Vec<u8>,
    /// SHA-256 of the gate of the epoch that it begins.
    pub next_gate: [u8; 32],
}

/// What the home server refuses, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such thing, or not any longer.
    NotFound,
    /// Somebody was first, or it is not what is kept.
    Conflict {
        /// The current epoch, of a commit.
        epoch: Option<u64>,
    },
    /// Not a member.
    NotAMember,
    /// Too much for now.
    Limited {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The envelope's time is too far from the server's.
    Stale,
    /// Anything else.
    Otherwise,
}
