//! The KEZ protocol: identifiers, canonical JSON, signed envelopes, handle registration, sigchains, WebFinger
//! documents, NATS identity.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no environment, no randomness of its own.
//! The same code runs in the server, in the command line and, compiled to wasm32, in the browser. The rules are
//! written down for implementers in `docs/PROTOCOL.md`; modules are named after its sections.

mod base;
pub mod canonical;
pub mod chat_leaf;
pub mod claim;
pub mod commit_order;
pub mod envelope;
pub mod handle;
pub mod hash;
pub mod key;
pub mod nats_login;
pub mod nkey;
pub mod problem;
pub mod record;
pub mod recovery;
pub mod server_name;
pub mod sigchain;
mod sorted;
mod spelling;
mod statements;
pub mod subject;
pub mod text;
pub mod time;
mod verify;
pub mod webfinger;

pub use envelope::EnvelopeType;
pub use handle::Handle;
pub use hash::Hash;
pub use key::{KeyId, PublicKey, SigningKey, Suite};
pub use problem::{Code, Problem};
pub use record::{ChainStanding, Record};
pub use registration::{Admission, Admitted};
pub use server_name::ServerName;
pub use sorted::Sorted;
pub use statements::{chat_instance, contact_request, conversation_start, key_packages, receipt, registration, rejoin};
pub use time::Timestamp;
pub use verify::{Verified, verify_envelope};
