//! Sigchains: an identity's public, append-only, hash-linked log of key events.
//!
//! event = envelope with tag `sigchain_event`; prev = id of the event before; state = fold of the events in the chain.
//! A *recovery fork* takes a run of events out of the chain again; the audit log keeps them. [`verify`] replays an audit
//! log, [`Chain::append`] adds one entry to what was verified before: the first is a loop over the second.

mod audit;
mod authority;
mod body;
mod build;
mod chain;
mod claim;
mod enc_key;
mod event;
mod fields;
mod fork;
mod frozen;
mod keyring;
mod limits;
mod line;
mod link;
mod offer;
mod place;
mod pop;
mod possession;
mod ranks;
mod reason;
mod rules;
mod state;
mod summary;
mod undo;

pub use audit::{Audit, Entries, Entry, Failure, Received, verify};
pub use body::{Body, RevokeReason};
pub use chain::{Chain, Head, Standing, Step};
pub use claim::Claim;
pub use enc_key::EncKey;
pub use event::{Event, NotAnEvent, Unverified};
pub use limits::{Arrival, Limits, MAX_AUDIT_BYTES};
pub use line::Line;
pub use offer::Offer;
pub use place::Place;
pub use pop::Pop;
pub use possession::{Possession, Role};
pub use reason::Reason;
pub use state::{Device, Revocation, RevokedFor, State};
pub use summary::Summary;

pub(crate) use event::{TAG, verify_alone};

/// How long after the first event that it displaces a recovery fork is taken, in seconds and inclusive: 72 hours.
pub const RECOVERY_WINDOW_SECS: u64 = 259_200;
/// Rotation keys that a chain has at most.
pub const MAX_ROTATION_KEYS: usize = 5;

/// What every event's type begins with.
pub(crate) const TYPE_PREFIX: &str = "kez.sigchain.";
