//! Rows that are read in pages, each when it is wanted: an answer of any length holds one page, and whoever reads slowly
//! holds no more.

use std::collections::HashMap;
use std::sync::Arc;

use kez_core::sigchain::Standing;
use kez_core::{Hash, KeyId, Sorted};

use super::Service;
use crate::loaded::{Damage, Logged, check, is_logged};
use crate::refused::Refused;
use kez_store::sigchains::Row;

/// Rows of a page. Those of the largest events take some 140 KB.
const PAGE: usize = 16;

/// A chain's audit log as it was when somebody asked for it.
pub struct AuditPages {
    service: Arc<Service>,
    chain: KeyId,
    log: Arc<Vec<Logged>>,
    /// What displaced each displaced event.
    displaced: Sorted<Hash, Hash>,
    from: usize,
}

/// Events of a chain, as they were when somebody asked for them.
pub struct EventPages {
    service: Arc<Service>,
    chain: KeyId,
    log: Arc<Vec<Logged>>,
    /// What is still to be read, in order.
    ids: std::vec::IntoIter<Hash>,
    next: Option<u64>,
}

/// The log of all chains behind some place.
pub struct ExportPages {
    service: Arc<Service>,
    after: u64,
    left: u64,
}

impl Service {
    /// The audit log of a chain.
    ///
    /// # Errors
    /// As [`Service::look`].
    pub async fn audit(self: &Arc<Self>, chain: &KeyId) -> Result<AuditPages, Refused> {
        self.look(chain, |loaded, _| {
            let displaced = loaded.chain.nullified().iter().filter_map(|id| match loaded.chain.standing(id) {
                Some(Standing::Nullified { by }) => Some((*id, by)),
                _ => None,
            });
            // An event is displaced once, so no id is there twice.
            let displaced = Sorted::of(displaced.collect()).unwrap_or_default();
            Some(AuditPages { service: self.clone(), chain: *chain, log: loaded.log.clone(), displaced, from: 0 })
        })
        .await
    }

    /// The chain's events behind number `after`, at most `limit`.
    ///
    /// # Errors
    /// As [`Service::look`].
    pub async fn events(self: &Arc<Self>, chain: &KeyId, after: u64, limit: u64) -> Result<EventPages, Refused> {
        self.look(chain, |loaded, head| {
            let last = after.saturating_add(limit).min(head.seq);
            let ids: Vec<_> = (after.saturating_add(1)..=last).filter_map(|seq| loaded.chain.id_at(seq)).collect();
            let next = (last < head.seq && last > after).then_some(last);
            let (service, log) = (self.clone(), loaded.log.clone());
            Some(EventPages { service, chain: *chain, log, ids: ids.into_iter(), next })
        })
        .await
    }

    /// The rows of all chains behind `log_index`, at most `limit`.
    #[must_use]
    pub fn export(self: &Arc<Self>, log_index: u64, limit: u64) -> ExportPages {
        ExportPages { service: self.clone(), after: log_index, left: limit }
    }

    /// Sees to it that each of the rows is good by itself. A row's receipt is verified once.
    async fn found_good(&self, rows: Vec<Row>) -> Result<Vec<Row>, Refused> {
        if rows.iter().all(|row| self.seen.has(row)) {
            return Ok(rows);
        }
        let (keys, seen) = (self.trust.keys.clone(), self.seen.clone());
        let checked = self.heavy.run(move || {
            for row in &rows {
                if !seen.has(row) {
                    check(row, &keys).map_err(|what| Damage { chain: row.chain, entry: row.entry, what })?;
                    seen.note(row);
                }
            }
            Ok(rows)
        });
        checked.await?.map_err(|damage| Refused::Damaged(Box::new(damage)))
    }
}

impl AuditPages {
    /// The next rows, and what displaced each; none at the end.
    ///
    /// # Errors
    /// [`Refused::Store`], [`Refused::Damaged`] when a row is not the one that was verified.
    pub async fn next(&mut self) -> Result<Vec<(Row, Option<Hash>)>, Refused> {
        let wanted = PAGE.min(self.log.len() - self.from);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let rows = self.service.store.log(&self.chain, self.from as u64, wanted as u64).await?;
        if rows.len() < wanted {
            return Err(missing(&self.chain, (self.from + rows.len()) as u64));
        }
        for (row, entry) in rows.iter().zip(self.from as u64..) {
            if row.entry != entry {
                return Err(missing(&self.chain, entry));
            }
            compare(&self.chain, &self.log, row)?;
        }
        self.from += wanted;
        let displaced = |row: &Row| self.displaced.get(&row.id).copied();
        Ok(rows.into_iter().map(|row| (displaced(&row), row)).map(|(by, row)| (row, by)).collect())
    }

    /// Whether there is more.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.from < self.log.len()
    }
}

impl EventPages {
    /// The next rows; none at the end.
    ///
    /// # Errors
    /// As [`AuditPages::next`].
    pub async fn next(&mut self) -> Result<Vec<Row>, Refused> {
        let ids: Vec<Hash> = self.ids.by_ref().take(PAGE).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.service.store.by_ids(&self.chain, &ids).await?;
        rows.iter().try_for_each(|row| compare(&self.chain, &self.log, row))?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        let found: Vec<_> = ids.iter().filter_map(|id| rows.remove(id)).collect();
        if found.len() == ids.len() { Ok(found) } else { Err(missing(&self.chain, 0)) }
    }

    /// Whether there is more.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.ids.len() > 0
    }

    /// The number to go on behind, if the chain has more than was asked for.
    #[must_use]
    pub const fn next_page(&self) -> Option<u64> {
        self.next
    }
}

impl ExportPages {
    /// The next rows, each checked by itself; none at the end.
    ///
    /// # Errors
    /// [`Refused::Store`], [`Refused::Damaged`].
    pub async fn next(&mut self) -> Result<Vec<Row>, Refused> {
        let wanted = self.left.min(PAGE as u64);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        // The semaphore is never closed, so a place always comes.
        let _permit = self.service.exporting.acquire().await.ok();
        let rows = self.service.store.export(self.after, wanted).await?;
        // What is shorter than a page is the end of the log.
        self.left = if (rows.len() as u64) < wanted { 0 } else { self.left - wanted };
        self.after = rows.last().map_or(self.after, |row| row.log_index);
        self.service.found_good(rows).await
    }

    /// Whether there may be more.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.left > 0
    }
}

/// Refuses a row that is not the one that was verified.
pub(super) fn compare(chain: &KeyId, log: &[Logged], row: &Row) -> Result<(), Refused> {
    if is_logged(log, row) {
        return Ok(());
    }
    let what = "it was changed since it was verified".to_owned();
    Err(Refused::Damaged(Box::new(Damage { chain: *chain, entry: row.entry, what })))
}

/// What was verified is no longer stored, somewhere from this entry on.
fn missing(chain: &KeyId, entry: u64) -> Refused {
    let what = "an entry that was verified is no longer stored".to_owned();
    Refused::Damaged(Box::new(Damage { chain: *chain, entry, what }))
}
