//! Where entries are kept. The trait states guarantees; each engine keeps them in its own way and shares no code.

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::sigchain::{Reason, Summary};
use kez_core::{Hash, KeyId, Timestamp};

use crate::StoreError;

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Place in the log of all chains; the first is 1.
    pub log_index: u64,
    /// The chain's genesis key.
    pub chain: KeyId,
    /// Place in the chain's audit log; the first is 0.
    pub entry: u64,
    /// The event's id.
    pub id: Hash,
    /// Canonical bytes of the event.
    pub event: Vec<u8>,
    /// When the server took it.
    pub received_at: Timestamp,
    /// Canonical bytes of the server's receipt.
    pub receipt: Vec<u8>,
}

/// An entry that was judged and is to be stored.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The event's number in its chain.
    pub seq: u64,
    /// The event's id.
    pub id: Hash,
    /// Canonical bytes of the event.
    pub event: Vec<u8>,
    /// When the server took it.
    pub received_at: Timestamp,
}

/// Entries for the end of one chain's log.
#[derive(Clone, Debug)]
pub struct Append {
    /// The chain's genesis key.
    pub chain: KeyId,
    /// How many entries the log had when these were judged.
    pub behind: u64,
    /// The entries; at least one.
    pub entries: Vec<NewEntry>,
    /// What the chain comes to with them.
    pub after: Summary,
}

/// Signs the receipt of an entry: given the chain, the entry and its log index.
pub type Sealer = Arc<dyn Fn(&KeyId, &NewEntry, u64) -> Vec<u8> + Send + Sync>;

/// Why nothing of an append was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Somebody else added to the log since these entries were judged.
    Stale,
    /// The registry of handles, which keeps its rows in the same database, has something against it.
    Refused(Reason),
}

/// A log of entries that is read.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Rows of a chain's audit log from entry `from` on, in order, at most `limit`.
    async fn log(&self, chain: &KeyId, from: u64, limit: u64) -> Result<Vec<Row>, StoreError>;

    /// The rows of these events of a chain, in any order; what is not there is left out.
    async fn by_ids(&self, chain: &KeyId, ids: &[Hash]) -> Result<Vec<Row>, StoreError>;

    /// Rows of all chains behind `log_index`, in order, at most `limit`.
    async fn export(&self, log_index: u64, limit: u64) -> Result<Vec<Row>, StoreError>;

    /// Chains in the order of their keys, behind `after`, at most `limit`.
    async fn chains(&self, after: Option<&KeyId>, limit: u64) -> Result<Vec<KeyId>, StoreError>;

    /// The latest `received_at` of all; none when nothing is stored.
    async fn newest(&self) -> Result<Option<Timestamp>, StoreError>;

    /// The keys that ever signed receipts, in the order of their first use.
    async fn receipt_keys(&self) -> Result<Vec<KeyId>, StoreError>;

    /// The last log index that was stored before there were limits of size; 0 when there always were.
    async fn limited_since(&self) -> Result<u64, StoreError>;

    /// The checkpoint of a chain that was kept last, byte for byte. What it says is for the one who kept it to judge.
    async fn checkpoint(&self, chain: &KeyId) -> Result<Option<Vec<u8>>, StoreError>;
}

/// A durable log of entries.
#[async_trait]
pub trait Store: Log {
    /// Stores all of the entries or none of them, if the chain's log is as long as it was when they were judged. When
    /// this returns `Ok(Ok(_))` the rows are durable: they survive the death of the process and of the machine. Of any
    /// number of racing calls behind one entry, exactly one stores. Log indexes have no gaps and follow the commits.
    async fn append(&self, append: Append) -> Result<Result<Vec<Row>, NotStored>, StoreError>;

    /// Keeps a checkpoint in the place of the chain's last one, some time from now. It may be lost, as nothing else may.
    fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>);

    /// Remembers that this key signs receipts, durably. Doing it again changes nothing.
    async fn use_receipt_key(&self, key: &KeyId) -> Result<(), StoreError>;

    /// Whether the store can be read and written now.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes what is queued and closes the store's files.
    async fn close(&self);
}
