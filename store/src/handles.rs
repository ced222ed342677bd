//! Handles: who has which, and who had it.

use async_trait::async_trait;
use kez_core::{Admitted, ChainStanding, Handle, KeyId, Timestamp};

pub use crate::decide::claims::{Policy, Refusal};
use crate::{Database, StoreError};

/// A handle as it is stored: live, or released and remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The handle.
    pub handle: Handle,
    /// The owner's primary; of a released handle, the last owner's at the time of the release.
    pub primary: KeyId,
    /// The owner's chain.
    pub standing: ChainStanding,
    /// The chain's primary now; none as long as nothing is in the chain. It differs from `primary` when the chain went
    /// on after the release.
    pub chain_primary: Option<KeyId>,
    /// When the server accepted the registration.
    pub registered_at: Timestamp,
    /// Canonical bytes of the signed registration.
    pub registration: Vec<u8>,
    /// The release, if the handle is no longer live.
    pub released: Option<Release>,
}

/// That a handle was given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// When the server accepted the release.
    pub at: Timestamp,
    /// Canonical bytes of the signed release.
    pub envelope: Vec<u8>,
}

/// An accepted registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The row as it is now stored.
    pub row: Row,
    /// Whether this request made it; `false` when it was there already, with the same key.
    pub created: bool,
}

/// A durable registry of handles.
#[async_trait]
pub trait Handles: Database {
    /// Registers, atomically with every check that depends on what is stored. When this returns `Ok(Ok(_))` the row
    /// is durable: it survives the death of the process and of the machine. Of any number of racing calls for one
    /// handle or one key, exactly one creates.
    async fn register(&self, admitted: Admitted, now: Timestamp) -> Result<Result<Registered, Refusal>, StoreError>;

    /// Releases, with the same guarantees.
    async fn release(&self, admitted: Admitted, now: Timestamp) -> Result<Result<Row, Refusal>, StoreError>;

    /// The row of a handle, live or released.
    async fn by_handle(&self, handle: &Handle) -> Result<Option<Row>, StoreError>;

    /// The live row that a key stands for: it is the primary, or an active device of the chain.
    async fn by_key(&self, key: &KeyId) -> Result<Option<Row>, StoreError>;

    /// The live row of a chain, by its genesis key.
    async fn by_chain(&self, chain: &KeyId) -> Result<Option<Row>, StoreError>;

    /// Whether a key that stood for the chain's identity does not any more.
    async fn lost_a_key(&self, chain: &KeyId) -> Result<bool, StoreError>;
}
