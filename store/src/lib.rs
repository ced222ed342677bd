//! Where handles, sigchains, key packages and the order of conversations are kept. The traits state guarantees; each engine keeps them in its own way, in one
//! transaction for a sigchain's event and what follows from it, and shares no code with another.
//!
//! `tests/guarantees.rs` tells what the traits promise as stories, to each engine.

pub mod changes;
pub mod conversations;
mod decide;
pub mod followed;
pub mod handles;
pub mod instances;
pub mod key_packages;
pub mod receipt_key;
pub mod sigchains;
pub mod sqlite;

use async_trait::async_trait;

/// Why the store could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or written just now (locked, full, missing). Nothing was changed, unless the
    /// connection broke during the commit: every operation may be repeated safely.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What was read is not what is ever written. It holds up nobody but those whom it is about.
    #[error("the database holds something that was never written: {0}")]
    Corrupt(String),
}

/// A database that is open.
#[async_trait]
pub trait Database: Send + Sync + 'static {
    /// Whether it can be read and written now.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes what is queued and closes it.
    async fn close(&self);
}

/// Everything that a home server keeps: handles, its own sigchains, what it followed of another server's, key packages, the
/// order of conversations, and instances of devices' states.
pub trait Store:
    handles::Handles
    + sigchains::Sigchains
    + followed::Following
    + key_packages::KeyPackages
    + conversations::Conversations
    + instances::Instances
{
}
