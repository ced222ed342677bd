//! End-to-end encrypted conversations between the devices of identities, as a pure state machine: MLS (RFC 9420) and the
//! rules that keep it readable.
//!
//! A [`Machine`] is one device. What happens goes in as an [`Event`], what has to be done comes out as a [`Step`]: first
//! writes, all or none, and once they are durable the effects. It reads no clock, no files and no network, and holds no
//! device key: time and randomness are arguments, and signatures are asked for. So the browser and the command line run the
//! same machine, and a simulator runs thousands of them with every fault that it can think of.
#![doc = include_str!("exchange.md")]

mod content;
mod context;
mod crypto;
mod effect;
mod event;
mod facts;
mod frame;
mod leaf;
mod machine;
mod mls;
mod package;
mod store;

pub use content::{
    Body, Content, Id, Item, MAX_CONTENT_BYTES, MAX_EMOJI_BYTES, MAX_REFS, MAX_TEXT, Malformed, Receipt, Ref,
};
pub use context::{Cid, Context, Kind, MalformedCid, NoConversation};
pub use effect::{Effect, Notice, Request, Step, Wait};
pub use event::{Answer, Entry, Event, Given, Log, Refused, Stands};
pub use facts::{Facts, MAX_DEVICES, NoFacts};
pub use frame::MAX_FRAME_BYTES;
pub use leaf::{Leaf, Unsound, Voucher};
pub use machine::{Config, ConversationState, ConversationStatus, Line, Machine, MachineStatus, Now};
pub use package::{CLOCK_MARGIN_SECS, MAX_LIFETIME_SECS, PACKAGE_BYTES, Refusal, judge};
pub use store::{Batch, Snapshot};

/// Faults that the simulator has to find. A machine that is built for use has none of them.
#[cfg(feature = "planted")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A Welcome is sent before the server took the commit.
    WelcomeBeforeAnswer,
    /// A commit whose answer was lost is not posted again.
    LostAnswerNotRepeated,
    /// Something is encrypted without looking whether all leaves are good.
    OldNews,
    /// A device that asked to be taken in again does not wait for an answer.
    RejoinLoops,
    /// A key package is used in two commits.
    PackageTwice,
}

/// Which key sealed which message, by the last 16 bytes of the message.
#[cfg(feature = "planted")]
pub type Keys = std::sync::Arc<std::sync::Mutex<std::collections::BTreeMap<[u8; 16], Vec<u8>>>>;
