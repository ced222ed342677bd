//! The KEZ protocol: identifiers, canonical JSON, signed envelopes, handle registration, sigchains, WebFinger
//! documents, NATS identity.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no environment, no randomness of its own.
//! The same code runs in the server, in the command line and, compiled to wasm32, in the browser. The rules are
//! written down for implementers in `docs/PROTOCOL.md`; modules are named after its sections.

mod base;
pub mod canonical;
pub mod claim;
pub mod contact_request;
pub mod envelope;
pub mod handle;
pub mod hash;
pub mod key;
pub mod nats_login;
pub mod nkey;
pub mod problem;
pub mod record;
pub mod recovery;
pub mod registration;
pub mod server_name;
pub mod sigchain;
mod sorted;
pub mod subject;
pub mod text;
pub mod time;
pub mod webfinger;

pub use envelope::{Envelope, EnvelopeType, Verified, verify_envelope};
pub use handle::Handle;
pub use hash::Hash;
pub use key::{KeyId, PublicKey, SigningKey, Suite};
pub use problem::{Code, Problem};
pub use record::{ChainStanding, Record};
pub use registration::{Admission, Claim};
pub use server_name::ServerName;
pub use sorted::Sorted;
pub use time::Timestamp;
