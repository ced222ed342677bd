//! Where handles are kept. The trait states guarantees; each engine keeps them in its own way and shares no code.

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::sigchain::{self, Reason, Summary};
use kez_core::{ChainStanding, Claim, Handle, Hash, KeyId, Sorted, Timestamp};

use crate::StoreError;
pub use crate::decide::{Policy, Refusal};

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

/// A change that may have been made.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The handle that it is about.
    pub handle: &'a Handle,
    /// A key that it is about.
    pub key: &'a KeyId,
    /// The identity's chain.
    pub chain: &'a KeyId,
    /// Whether it ends what the key may do.
    pub is_end: bool,
}

/// Is told of every change that may have been made, after it is durable and before anybody hears of it, also when
/// whoever asked for it has gone away.
pub type Changed = Arc<dyn Fn(Change<'_>) + Send + Sync>;

/// What a chain of another server comes to.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Who speaks for the identity.
    pub summary: Summary,
    /// What the identity claims, by the claims' ids; none when that is as it was.
    pub claims: Option<Sorted<Hash, sigchain::Claim>>,
}

/// What came of a chain of another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken in.
    Whole,
    /// It was taken in, but for keys that stand for another identity here: they go on to.
    InPart,
    /// Its primary stands for another identity here. Nothing changed.
    Refused(Reason),
    /// The database could not take in this one. Nothing changed.
    Failed(String),
}

/// A durable registry of handles.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Registers, atomically with every check that depends on what is stored. When this returns `Ok(Ok(_))` the row
    /// is durable: it survives the death of the process and of the machine. Of any number of racing calls for one
    /// handle or one key, exactly one creates.
    async fn register(&self, claim: Claim, now: Timestamp) -> Result<Result<Registered, Refusal>, StoreError>;

    /// Releases, with the same guarantees.
    async fn release(&self, claim: Claim, now: Timestamp) -> Result<Result<Row, Refusal>, StoreError>;

    /// The row of a handle, live or released.
    async fn by_handle(&self, handle: &Handle) -> Result<Option<Row>, StoreError>;

    /// The live row that a key stands for: it is the primary, or an active device of the chain.
    async fn by_key(&self, key: &KeyId) -> Result<Option<Row>, StoreError>;

    /// The live row of a chain, by its genesis key.
    async fn by_chain(&self, chain: &KeyId) -> Result<Option<Row>, StoreError>;

    /// Whether a key that stood for the chain's identity does not any more.
    async fn lost_a_key(&self, chain: &KeyId) -> Result<bool, StoreError>;

    /// Takes in what these chains of the sigchain server at `url` come to, durably, and that its log was followed up to
    /// `log_index`, where there is one. Gives an answer for each, in their order; one that cannot be taken in spoils no
    /// other. Those that are not taken in whole, and those of `behind`, are remembered until they are.
    async fn follow(
        &self,
        url: &str,
        chains: Vec<Followed>,
        behind: Vec<KeyId>,
        log_index: Option<u64>,
    ) -> Result<Vec<Taken>, StoreError>;

    /// The chains of the sigchain server at `url` that are remembered as not taken in.
    async fn behind(&self, url: &str) -> Result<Vec<KeyId>, StoreError>;

    /// The claims of a chain that was taken in, by their ids.
    async fn followed_claims(&self, chain: &KeyId) -> Result<Sorted<Hash, sigchain::Claim>, StoreError>;

    /// What was taken in of a chain last: how many entries its audit log had, and the last one's id.
    async fn followed(&self, chain: &KeyId) -> Result<Option<(u64, Hash)>, StoreError>;

    /// Up to which entry the log of the sigchain server at `url` was followed; 0 when it never was.
    async fn followed_to(&self, url: &str) -> Result<u64, StoreError>;

    /// Whether the store can be read and written now.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes what is queued and closes the store's files.
    async fn close(&self);
}
