//! Taking over a whole log from another server. Signatures are believed, times are not: what is new here was received
//! now, unless a receipt of a key that is trusted here says when.

use std::sync::Arc;

use bytes::Bytes;
use kez_core::receipt::Receipt;
use kez_core::sigchain::{Arrival, Audit, Chain, Head, Reason, Received, Unverified};
use kez_core::{Hash, KeyId, Timestamp};

use super::Service;
use super::append::entry_of;
use crate::loaded::Loaded;
use crate::places::Place;
use crate::refused::Refused;
use kez_store::StoreError;
use kez_store::sigchains::{Append, NewEntry};

/// Leave to hand in a log of one chain, given before any of it is read.
pub struct Expecting {
    chain: KeyId,
    /// Free again when the import is over.
    _place: Place,
}

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
    /// Whether a log of this chain would be taken: it is stored here already, or may start here, and not too many others
    /// are handing in logs. Ask before reading any of it.
    ///
    /// # Errors
    /// [`Refused::Busy`], [`Refused::NotAdmitted`], [`Refused::Registry`], [`Refused::Store`].
    pub async fn expect_import(&self, chain: KeyId) -> Result<Expecting, Refused> {
        // Before the registry is asked: that costs the registry something, too.
        let place = self.imports.take(chain).await.ok_or(Refused::Busy)?;
        if self.store.log(&chain, 0, 1).await?.is_empty() {
            self.gate.would_admit(&chain, self.now()).await.granted()?;
        }
        Ok(Expecting { chain, _place: place })
    }

    /// Verifies the log as it was given, compares it with what is stored, judges what is new by the own clock, and
    /// stores it, all or nothing.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn import(self: &Arc<Self>, expecting: Expecting, log: Bytes) -> Result<Imported, Refused> {
        let service = self.clone();
        let task = tokio::spawn(async move { service.import_to_end(expecting, log).await });
        task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }

    async fn import_to_end(self: Arc<Self>, expecting: Expecting, log: Bytes) -> Result<Imported, Refused> {
        let chain = expecting.chain;
        let slot = self.slots.get(&chain);
        let _turn = slot.take_turn().await;
        self.slot(&chain).await?;
        let Some(loaded) = slot.loaded.read().await.clone() else { return Err(Refused::NotFound) };
        let behind = loaded.log.len() as u64;
        let before = loaded.chain.summary();
        let service = self.clone();
        let planned = self.judging.run(move || service.plan(chain, &loaded, &log)).await?;
        let Plan { entries, after } = planned?;
        let head = after.head().ok_or(Refused::NotFound)?;
        if entries.is_empty() {
            return Ok(Imported { head, stored: 0 });
        }
        if behind == 0 {
            self.admit(&chain).await?;
        }
        let summary = after.summary().ok_or(Refused::NotFound)?;
        // Who stood for the chain before was asked about then.
        let stood = |key: &KeyId| before.as_ref().is_some_and(|before| before.keys.get(key) == Some(&true));
        let fresh = summary.keys.iter().filter(|(key, is_active)| **is_active && **key != chain && !stood(key));
        for (key, _) in fresh {
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

    fn plan(&self, chain: KeyId, loaded: &Loaded, log: &[u8]) -> Result<Plan, Refused> {
        let audit = Audit::parse(log).map_err(Refused::NoLog)?;
        let mut after = loaded.chain.clone();
        let head = after.head();
        let refuse = |index, reason| Refused::Event { reason, head, index: Some(index) };
        if audit.chain != chain.to_string() {
            return Err(refuse(0, Reason::WrongChain));
        }
        let known = loaded.log.len();
        let limits = loaded.limits(&self.limits.chain);
        let is_behind = self.is_behind(after.last_received_at().map_or(i64::MIN, Timestamp::unix));
        let mut whole = Chain::new(chain);
        let mut entries = Vec::new();
        // What this server has against it. That the log is a good one is the earlier check, so it is verified to its end.
        let mut objection = None;
        for (index, Received { entry, receipt }) in audit.entries().enumerate() {
            let event = Unverified::read(entry.event).map_err(|reason| refuse(index, reason))?;
            let id = event.id();
            let given = || entry.received_at.ok_or(Reason::BadReceivedAt);
            let step = whole.authenticate(event.clone()).and_then(|event| whole.judge(event, given()?));
            whole.commit(step.map_err(|reason| refuse(index, reason))?);
            if objection.is_some() {
                continue;
            }
            if index < known {
                if loaded.log.get(index).is_none_or(|logged| logged.id() != id) {
                    objection = Some(another_log(head));
                }
                continue;
            }
            if is_behind {
                objection = Some(Refused::ClockBehind);
                continue;
            }
            let trusted = receipt.and_then(|receipt| self.trusted_time(chain, id, receipt));
            let time = trusted.unwrap_or_else(|| self.now());
            let received_at = after.last_received_at().map_or(time, |last| last.max(time));
            match after.authenticate(event).and_then(|event| after.judge(event, received_at)) {
                Ok(step) => {
                    // There is nothing to gain from verifying what would not be stored.
                    let within = after.within_limits(&step, &limits, Arrival::InALog);
                    within.map_err(|reason| refuse(index, reason))?;
                    entries.push(entry_of(&step));
                    after.commit(step);
                }
                Err(reason) => objection = Some(refuse(index, reason)),
            }
        }
        if whole.head().is_none() {
            return Err(refuse(0, Reason::BadGenesis));
        }
        if let Some(objection) = objection {
            return Err(objection);
        }
        if audit.len() < known {
            return Err(another_log(head));
        }
        after.begin_day();
        // A chain that is stored here lived here. Once it moved away, what its new home took is taken from there, so
        // that a key that was revoked there does not stay a key here.
        let is_home = after.state().is_some_and(|state| state.server == self.server);
        if known == 0 && !is_home {
            return Err(refuse(entries.len() - 1, Reason::WrongServer));
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

fn another_log(head: Option<Head>) -> Refused {
    let detail = "This server has another log of the chain; send one that begins with all of it.";
    Refused::Conflict { reason: None, head, detail }
}
