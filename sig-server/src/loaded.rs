//! A chain as it is read from the store: every row is checked against its id and its receipt, every event verified.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use kez_core::receipt::Receipt;
use kez_core::sigchain::{Chain, Head, Limits, Unverified};
use kez_core::{Hash, KeyId, Timestamp};

use crate::checkpoint::Seal;
use kez_store::StoreError;
use kez_store::sigchains::{Log, Row};

/// Rows that are read at once.
const PAGE: u64 = 500;

/// A verified chain, and what its stored rows must say.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub(crate) chain: Chain,
    /// Shared with whoever reads the log just now.
    pub(crate) log: Arc<Vec<Logged>>,
    /// Canonical bytes of the events that were there before there were limits of size.
    before_limits: u64,
    /// How many entries the checkpoint in the store has.
    kept: usize,
    told: OnceLock<Option<Told>>,
}

/// A head in bytes: it is asked for far more often than it changes.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Its hash in quotation marks.
    pub(crate) quoted: Bytes,
    pub(crate) json: Bytes,
}

/// What is remembered of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    id: Hash,
    received_at: Timestamp,
    receipt: Hash,
}

/// A stored row is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chain {chain}, entry {entry}: {what}")]
pub struct Damage {
    /// The chain.
    pub chain: KeyId,
    /// The place in its audit log; the first is 0.
    pub entry: u64,
    /// What is wrong.
    pub what: String,
}

/// Why a chain cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The store cannot be read.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// What it holds is damaged.
    #[error("{0}")]
    Damaged(Box<Damage>),
}

/// By what a stored chain is judged.
#[derive(Clone)]
pub struct Trust {
    /// The keys that signed receipts.
    pub keys: Vec<KeyId>,
    /// The last log index that was stored before there were limits of size.
    pub limited_since: u64,
}

/// Loads and verifies a chain from its first entry on; one that nothing is stored of comes out empty.
///
/// # Errors
/// [`LoadError`].
pub async fn load(store: &dyn Log, chain: KeyId, trust: &Trust) -> Result<Loaded, LoadError> {
    go_on(store, Loaded::new(Chain::new(chain)), trust).await
}

/// Loads a chain, and verifies what was stored since its checkpoint; where there is none, or none that `seal` recognises, all
/// of it.
///
/// # Errors
/// [`LoadError`].
pub(crate) async fn load_kept(store: &dyn Log, chain: KeyId, trust: &Trust, seal: &Seal) -> Result<Loaded, LoadError> {
    let Some(bytes) = store.checkpoint(&chain).await? else { return load(store, chain, trust).await };
    let seal = seal.clone();
    let opened = tokio::task::spawn_blocking(move || seal.open(&chain, &bytes)).await;
    let Some(kept) = opened.map_err(|error| StoreError::Unavailable(error.to_string()))? else {
        tracing::warn!(%chain, "a checkpoint is not of this server's making; the chain is verified anew");
        return load(store, chain, trust).await;
    };
    let Some(last) = (kept.log.len() as u64).checked_sub(1) else { return load(store, chain, trust).await };
    if store.log(&chain, last, 1).await?.first().is_some_and(|row| is_logged(&kept.log, row)) {
        return go_on(store, kept, trust).await;
    }
    // What was verified is no longer there. Verifying tells where, unless the end alone is missing.
    load(store, chain, trust).await?;
    let what = "an entry that was verified is no longer stored".to_owned();
    Err(LoadError::Damaged(Box::new(Damage { chain, entry: last, what })))
}

/// Verifies what is stored behind the entries that are loaded.
async fn go_on(store: &dyn Log, mut loaded: Loaded, trust: &Trust) -> Result<Loaded, LoadError> {
    let chain = loaded.chain.id();
    loop {
        let rows = store.log(&chain, loaded.log.len() as u64, PAGE).await?;
        let is_last = (rows.len() as u64) < PAGE;
        let trust = trust.clone();
        // Verifying hundreds of signatures would hold up whoever else runs on this thread.
        let verified = tokio::task::spawn_blocking(move || {
            rows.iter().try_for_each(|row| loaded.add(row, &trust)).map(|()| loaded)
        });
        let verified = verified.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        loaded = verified.map_err(|damage| LoadError::Damaged(Box::new(damage)))?;
        if is_last {
            return Ok(loaded);
        }
    }
}

impl Loaded {
    fn new(chain: Chain) -> Self {
        Loaded { chain, log: Arc::default(), before_limits: 0, kept: 0, told: OnceLock::new() }
    }

    /// How much of the chain is taken, where `limits` is what a new one may have.
    pub(crate) fn limits(&self, limits: &Limits) -> Limits {
        limits.beyond(self.before_limits)
    }

    /// How many entries there are that the checkpoint in the store does not have.
    pub(crate) fn since_kept(&self) -> usize {
        self.log.len() - self.kept
    }

    /// Takes note that all of it is in a checkpoint, or will be.
    pub(crate) fn keep(&mut self) {
        self.kept = self.log.len();
    }

    /// Everything as bytes.
    pub(crate) fn freeze(&self) -> Vec<u8> {
        let mut bytes = self.before_limits.to_le_bytes().to_vec();
        bytes.extend_from_slice(&(self.log.len() as u64).to_le_bytes());
        for Logged { id, received_at, receipt } in &*self.log {
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(&received_at.unix().to_le_bytes());
            bytes.extend_from_slice(receipt.as_bytes());
        }
        bytes.extend_from_slice(&self.chain.freeze());
        bytes
    }

    /// What [`Loaded::freeze`] made these bytes of.
    pub(crate) fn thaw(bytes: &[u8]) -> Option<Self> {
        let (before_limits, bytes) = bytes.split_first_chunk()?;
        let (length, bytes) = bytes.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (log, chain) = bytes.split_at_checked(length.checked_mul(Logged::BYTES)?)?;
        let log: Vec<_> = log.chunks_exact(Logged::BYTES).map_while(Logged::thaw).collect();
        let (before_limits, chain) = (u64::from_le_bytes(*before_limits), Chain::thaw(chain)?);
        Some(Loaded { log: Arc::new(log), before_limits, kept: length, ..Loaded::new(chain) })
    }

    /// Adds the next row of the log.
    fn add(&mut self, row: &Row, trust: &Trust) -> Result<(), Damage> {
        let entry = self.log.len() as u64;
        let damage = |what: String| Damage { chain: self.chain.id(), entry, what };
        if row.entry != entry {
            return Err(damage(format!("it is missing; the next one is {}", row.entry)));
        }
        check(row, &trust.keys).map_err(damage)?;
        let event = Unverified::parse(&row.event).map_err(|error| damage(error.to_string()))?;
        self.chain.append(event, row.received_at).map_err(|reason| Damage {
            chain: row.chain,
            entry,
            what: format!("the event is refused: {reason}"),
        })?;
        Arc::make_mut(&mut self.log).push(Logged::of(row));
        if row.log_index <= trust.limited_since {
            self.before_limits += row.event.len() as u64;
        }
        Ok(())
    }

    /// Takes note of rows whose events were added to the chain.
    pub(crate) fn added<'a>(&mut self, rows: impl Iterator<Item = &'a Row>) {
        Arc::make_mut(&mut self.log).extend(rows.map(Logged::of));
        self.told = OnceLock::new();
    }

    /// `head`, which is the chain's, in bytes.
    pub(crate) fn told(&self, head: Head) -> Option<&Told> {
        let make = || {
            let quoted = format!("\"{}\"", head.hash).into();
            Some(Told { quoted, json: serde_json::to_vec(&head).ok()?.into() })
        };
        self.told.get_or_init(make).as_ref()
    }
}

/// Whether a row that was read just now is the one that was verified.
pub(crate) fn is_logged(log: &[Logged], row: &Row) -> bool {
    let logged = usize::try_from(row.entry).ok().and_then(|at| log.get(at));
    logged == Some(&Logged::of(row)) && Hash::of(&row.event) == row.id
}

impl Logged {
    const BYTES: usize = 72;

    fn thaw(bytes: &[u8]) -> Option<Self> {
        let (id, bytes) = bytes.split_first_chunk()?;
        let (received_at, receipt) = bytes.split_first_chunk()?;
        let received_at = Timestamp::from_unix(i64::from_le_bytes(*received_at));
        Some(Logged { id: Hash::from_bytes(*id), received_at, receipt: Hash::from_bytes(receipt.try_into().ok()?) })
    }

    pub(crate) fn of(row: &Row) -> Self {
        Logged { id: row.id, received_at: row.received_at, receipt: Hash::of(&row.receipt) }
    }

    pub(crate) const fn id(&self) -> Hash {
        self.id
    }
}

/// Checks a row by itself: its id is its event's, and its receipt says what the row says.
pub(crate) fn check(row: &Row, keys: &[KeyId]) -> Result<(), String> {
    if Hash::of(&row.event) != row.id {
        return Err("the event is not the one with the stored id".to_owned());
    }
    let (receipt, key) = Receipt::verify(&row.receipt).map_err(|problem| format!("the receipt: {}", problem.detail))?;
    if !keys.contains(&key) {
        return Err("the receipt is signed by a key that never was this server's".to_owned());
    }
    let Receipt { chain, seq: _, hash, received_at, log_index, server: _ } = receipt;
    if (chain, hash, received_at, log_index) == (row.chain, row.id, row.received_at, row.log_index) {
        Ok(())
    } else {
        Err("the receipt is another entry's, or the entry was changed".to_owned())
    }
}
