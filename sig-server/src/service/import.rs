//! Taking over a whole log from another server. Signatures are believed, times are not: what is new here was received
//! now, unless a receipt of a key that is trusted here says when.

use std::sync::Arc;

use kez_core::sigchain::{Arrival, Audit, Chain, Entry, Head, Reason, Receipt, Unverified};
use kez_core::{Hash, KeyId, Timestamp};

use super::Service;
use super::append::entry_of;
use crate::loaded::Loaded;
use crate::refused::Refused;
use crate::store::{Append, NewEntry, StoreError};

/// A log that was taken over.
#[derive(Clone, Copy, Debug)]
pub struct Imported {
    /// The chain's head now.
    pub head: Head,
    /// How many entries were stored by this.
    pub stored: usize,
}

/// What was worked out without waiting for anybody.
struct Plan {
    entries: Vec<NewEntry>,
    /// The chain with the entries added.
    after: Chain,
}

impl Service {
    /// Verifies the log as it was given, compares it with what is stored, judges what is new by the own clock, and
    /// stores it, all or nothing.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn import(self: &Arc<Self>, chain: KeyId, audit: Audit) -> Result<Imported, Refused> {
        let service = self.clone();
        let task = tokio::spawn(async move { service.import_to_end(chain, audit).await });
        task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }

    async fn import_to_end(self: Arc<Self>, chain: KeyId, audit: Audit) -> Result<Imported, Refused> {
        // The semaphore is never closed, so a place always comes.
        let _place = self.imports.acquire().await.ok();
        let slot = self.slots.get(&chain);
        let _turn = slot.turn.lock().await;
        self.slot(&chain).await?;
        let Some(loaded) = slot.loaded.read().await.clone() else { return Err(Refused::NotFound) };
        let behind = loaded.log.len() as u64;
        let service = self.clone();
        // Thousands of signatures would hold up whoever else runs on this thread.
        let planned = tokio::task::spawn_blocking(move || service.plan(chain, &loaded, audit)).await;
        let Plan { entries, after } = planned.map_err(|error| StoreError::Unavailable(error.to_string()))??;
        let head = after.head().ok_or(Refused::NotFound)?;
        if entries.is_empty() {
            return Ok(Imported { head, stored: 0 });
        }
        if behind == 0 {
            self.admit(&chain).await?;
        }
        let summary = after.summary().ok_or(Refused::NotFound)?;
        for (key, _) in summary.keys.iter().filter(|(key, is_active)| **is_active && **key != chain) {
            if !self.gate.may_stand_for(key, &chain).await? {
                let index = Some(after.entries() - 1);
                return Err(Refused::Event { reason: Reason::KeyReuse, head: None, index });
            }
        }
        let stored = entries.len();
        let append = Append { chain, behind, entries, after: summary };
        match self.store_and(&slot, append, |loaded| loaded.chain = after).await? {
            Some(_) => Ok(Imported { head, stored }),
            None => Err(StoreError::Unavailable("others write to it just now".to_owned()).into()),
        }
    }

    fn plan(&self, chain: KeyId, loaded: &Loaded, audit: Audit) -> Result<Plan, Refused> {
        let mut after = loaded.chain.clone();
        let head = after.head();
        let refuse = |index, reason| Refused::Event { reason, head, index: Some(index) };
        if audit.chain != chain.to_string() {
            return Err(refuse(0, Reason::WrongChain));
        }
        let receipts = audit.receipts;
        let given: Vec<Entry> = audit.entries;
        let whole = kez_core::sigchain::verify(chain, given.iter().cloned());
        whole.map_err(|failure| refuse(failure.index, failure.reason))?;

        let ids = given.iter().map(|entry| Hash::of(&entry.event.to_canonical()));
        let is_same_beginning =
            given.len() >= loaded.log.len() && ids.zip(&loaded.log).all(|(id, logged)| id == logged.id());
        if !is_same_beginning {
            let detail = "This server has another log of the chain; send one that begins with all of it.";
            return Err(Refused::Conflict { reason: None, head, detail });
        }
        let now = self.now();
        if self.is_behind(after.last_received_at().map_or(i64::MIN, Timestamp::unix)) {
            return Err(Refused::ClockBehind);
        }
        let limits = loaded.limits(&self.limits.chain);
        let mut entries = Vec::new();
        for (index, (entry, receipt)) in given.into_iter().zip(receipts).enumerate().skip(loaded.log.len()) {
            let event = Unverified::read(entry.event).map_err(|reason| refuse(index, reason))?;
            let time = receipt
                .and_then(|receipt| self.trusted_time(chain, event.id(), &receipt.to_canonical()))
                .unwrap_or(now);
            let received_at = after.last_received_at().map_or(time, |last| last.max(time));
            let event = after.authenticate(event).map_err(|reason| refuse(index, reason))?;
            let step = after.judge(event, received_at).map_err(|reason| refuse(index, reason))?;
            let within = after.within_limits(&step, &limits, Arrival::InALog);
            within.map_err(|reason| refuse(index, reason))?;
            entries.push(entry_of(&step));
            after.commit(step);
        }
        after.begin_day();
        let is_home = after.state().is_some_and(|state| state.server == self.server);
        if !entries.is_empty() && !is_home {
            return Err(refuse(loaded.log.len() + entries.len() - 1, Reason::WrongServer));
        }
        Ok(Plan { entries, after })
    }

    /// When an entry was received, by a receipt under a key of this server or of one that it trusts. A time that is
    /// still to come is nobody's word.
    fn trusted_time(&self, chain: KeyId, id: Hash, receipt: &[u8]) -> Option<Timestamp> {
        let (receipt, key) = Receipt::verify(receipt).ok()?;
        let is_trusted = self.trust.keys.contains(&key) || self.trusted.contains(&key);
        (is_trusted && receipt.chain == chain && receipt.hash == id && receipt.received_at <= self.now())
            .then_some(receipt.received_at)
    }
}
