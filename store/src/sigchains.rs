//! Sigchains: every event that was accepted, in order, with the receipt that says so.

use async_trait::async_trait;
use kez_core::receipt::Receipt;
use kez_core::sigchain::{Reason, Summary};
use kez_core::{Hash, KeyId, ServerName, SigningKey, Timestamp};

use crate::{Database, StoreError};

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

/// Signs receipts with a key, in the name of a server.
#[derive(Debug)]
pub struct Signer {
    /// The key.
    pub key: SigningKey,
    /// The server.
    pub server: ServerName,
}

impl Signer {
    /// The key's public half.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key.id()
    }

    /// The row of an entry, with its receipt.
    pub(crate) fn row(&self, chain: KeyId, entry: u64, new: NewEntry, log_index: u64) -> Row {
        let NewEntry { seq, id, event, received_at } = new;
        let receipt = Receipt { chain, seq, hash: id, received_at, log_index, server: self.server.clone() };
        Row { log_index, chain, entry, id, event, received_at, receipt: receipt.sign(&self.key) }
    }
}

/// Why nothing of an append was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Somebody else added to the log since these entries were judged.
    Stale,
    /// The handles, which are kept in the same database, have something against it.
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
pub trait Sigchains: Log + Database {
    /// Stores all of the entries or none of them, if the chain's log is as long as it was when they were judged. When
    /// this returns `Ok(Ok(_))` the rows are durable, and so is what follows for the handles that are kept beside them: both
    /// survive the death of the process and of the machine, or neither does. Of any number of racing calls behind one entry,
    /// exactly one stores. Log indexes have no gaps and follow the commits.
    async fn append(&self, append: Append) -> Result<Result<Vec<Row>, NotStored>, StoreError>;

    /// Keeps a checkpoint in the place of the chain's last one, some time from now. It may be lost, as nothing else may.
    fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>);

    /// Has receipts signed by this from now on, and remembers its key durably before it signs the first one. Doing it again
    /// changes nothing. Before it was done, nothing can be appended.
    async fn sign_with(&self, signer: Signer) -> Result<(), StoreError>;
}
