//! A chain as it is read from the store: every row is checked against its id and its receipt, every event verified.

use std::sync::OnceLock;

use bytes::Bytes;
use kez_core::sigchain::{Chain, Head, Receipt, Unverified};
use kez_core::{Hash, KeyId, Timestamp};

use crate::store::{Log, Row, StoreError};

/// Rows that are read at once.
const PAGE: u64 = 500;

/// A verified chain, and what its stored rows must say.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub(crate) chain: Chain,
    pub(crate) log: Vec<Logged>,
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

/// Loads and verifies a chain; one that nothing is stored of comes out empty. `keys` are those that signed receipts.
///
/// # Errors
/// [`LoadError`].
pub async fn load(store: &dyn Log, chain: KeyId, keys: &[KeyId]) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded { chain: Chain::new(chain), log: Vec::new(), told: OnceLock::new() };
    loop {
        let rows = store.log(&chain, loaded.log.len() as u64, PAGE).await?;
        let is_last = (rows.len() as u64) < PAGE;
        let keys = keys.to_owned();
        // Verifying hundreds of signatures would hold up whoever else runs on this thread.
        let verified = tokio::task::spawn_blocking(move || {
            rows.iter().try_for_each(|row| loaded.add(row, &keys)).map(|()| loaded)
        });
        let verified = verified.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        loaded = verified.map_err(|damage| LoadError::Damaged(Box::new(damage)))?;
        if is_last {
            return Ok(loaded);
        }
    }
}

impl Loaded {
    /// Adds the next row of the log.
    fn add(&mut self, row: &Row, keys: &[KeyId]) -> Result<(), Damage> {
        let entry = self.log.len() as u64;
        let damage = |what: String| Damage { chain: self.chain.id(), entry, what };
        if row.entry != entry {
            return Err(damage(format!("it is missing; the next one is {}", row.entry)));
        }
        check(row, keys).map_err(damage)?;
        let event = Unverified::parse(&row.event).map_err(|error| damage(error.to_string()))?;
        self.chain.append(event, row.received_at).map_err(|reason| Damage {
            chain: row.chain,
            entry,
            what: format!("the event is refused: {reason}"),
        })?;
        self.log.push(Logged::of(row));
        Ok(())
    }

    /// Takes note of rows whose events were added to the chain.
    pub(crate) fn added<'a>(&mut self, rows: impl Iterator<Item = &'a Row>) {
        self.log.extend(rows.map(Logged::of));
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

    /// Whether a row that was read just now is the one that was verified.
    pub(crate) fn has(&self, row: &Row) -> bool {
        let at = usize::try_from(row.entry).ok();
        let logged = at.and_then(|at| self.log.get(at));
        logged == Some(&Logged::of(row)) && Hash::of(&row.event) == row.id
    }
}

impl Logged {
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
