//! Looking at everything that is stored: every row, every chain, and the numbers of the whole log.

use kez_core::KeyId;
use serde::Serialize;

use crate::loaded::{LoadError, Trust, load};
use kez_store::StoreError;
use kez_store::sigchains::Log;

/// Chains, or rows, that are read at once.
const PAGE: u64 = 500;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub valid: bool,
    /// Chains that were looked at.
    pub chains: u64,
    /// Entries that were found good.
    pub entries: u64,
    /// What is wrong; the first thing of each chain.
    pub damaged: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The chain; none when it is about the log of all chains.
    pub chain: Option<KeyId>,
    /// The place in the chain's audit log, where the first is 0, or the log index.
    pub entry: u64,
    /// What it is.
    pub what: String,
}

/// Verifies every chain anew, and that the log of all chains has no gaps. `keys` are those that signed receipts.
///
/// # Errors
/// When the store cannot be read at all.
pub async fn check(store: &dyn Log, keys: &[KeyId]) -> Result<Report, StoreError> {
    let mut report = Report { valid: true, chains: 0, entries: 0, damaged: Vec::new() };
    // Nothing is judged by limits here.
    let trust = Trust { keys: keys.to_owned(), limited_since: 0 };
    let mut after = None;
    loop {
        let chains = store.chains(after.as_ref(), PAGE).await?;
        for chain in &chains {
            report.chains += 1;
            match load(store, *chain, &trust).await {
                Ok(loaded) => report.entries += loaded.log.len() as u64,
                Err(LoadError::Damaged(damage)) => {
                    report.damaged.push(Finding { chain: Some(*chain), entry: damage.entry, what: damage.what });
                }
                Err(LoadError::Store(StoreError::Corrupt(what))) => {
                    report.damaged.push(Finding { chain: Some(*chain), entry: 0, what });
                }
                Err(LoadError::Store(error)) => return Err(error),
            }
        }
        after = chains.last().copied();
        if (chains.len() as u64) < PAGE {
            break;
        }
    }
    look_for_gaps(store, &mut report).await?;
    report.valid = report.damaged.is_empty();
    Ok(report)
}

async fn look_for_gaps(store: &dyn Log, report: &mut Report) -> Result<(), StoreError> {
    let mut last = 0;
    loop {
        let rows = match store.export(last, PAGE).await {
            Ok(rows) => rows,
            // The chain's own finding tells more.
            Err(StoreError::Corrupt(_)) if !report.damaged.is_empty() => return Ok(()),
            Err(error) => return Err(error),
        };
        for row in &rows {
            if row.log_index != last + 1 {
                let what = format!("entries are missing between log index {last} and {}", row.log_index);
                report.damaged.push(Finding { chain: None, entry: last + 1, what });
            }
            last = row.log_index;
        }
        if (rows.len() as u64) < PAGE {
            return Ok(());
        }
    }
}
