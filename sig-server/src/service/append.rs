//! Adding one event to a chain.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kez_core::sigchain::{Arrival, Body, Head, Reason, Standing, Step, Unverified};
use kez_core::{Hash, KeyId, Timestamp};

use super::Service;
use crate::loaded::Loaded;
use crate::refused::Refused;
use crate::slots::Slot;
use kez_store::sigchains::{Append, NewEntry, NotStored, Row};

/// How often an event is judged anew because somebody else wrote to the same store.
const ATTEMPTS: usize = 3;

/// The head that a caller believes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    Any,
    /// One of these.
    OneOf(Vec<Hash>),
}

/// An accepted event.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Its number.
    pub seq: u64,
    /// Its row.
    pub row: Row,
    /// Whether this request added it; `false` when it was there already.
    pub created: bool,
}

impl Service {
    /// Judges an event and stores it. When this returns, it is durable. Of any number of racing events behind one
    /// head, exactly one is added. Goes on to the end also when the caller goes away.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn append(
        self: &Arc<Self>,
        chain: KeyId,
        event: Unverified,
        expected: Expected,
    ) -> Result<Appended, Refused> {
        let service = self.clone();
        let task = tokio::spawn(async move { service.append_to_end(chain, event, expected).await });
        task.await.map_err(|error| kez_store::StoreError::Unavailable(error.to_string()))?
    }

    async fn append_to_end(&self, chain: KeyId, event: Unverified, expected: Expected) -> Result<Appended, Refused> {
        let slot = self.slots.get(&chain);
        let _turn = slot.take_turn().await;
        let mut admitted = false;
        for _ in 0..ATTEMPTS {
            // Only the slot of this chain can be had as long as it is held, so this is the same one, loaded.
            self.slot(&chain).await?;
            let (standing, head) = match &*slot.loaded.read().await {
                Some(loaded) => (loaded.chain.standing(&event.id()), loaded.chain.head()),
                None => continue,
            };
            if let Some(standing) = standing {
                return self.again(&chain, &event, standing, head).await;
            }
            let (step, behind, after) = match &*slot.loaded.read().await {
                Some(loaded) => {
                    let step = self.judge(loaded, event.clone(), &expected)?;
                    let after = loaded.chain.summary_after(&step).ok_or(Refused::NotFound)?;
                    (step, loaded.log.len() as u64, after)
                }
                None => continue,
            };
            if behind == 0 && !admitted {
                self.admit(&chain).await?;
                admitted = true;
            }
            if let Some(key) = new_key(step.event().body())
                && !self.gate.may_stand_for(key, &chain).await?
            {
                return Err(Refused::Event { reason: Reason::KeyReuse, head, index: None });
            }
            let (entry, seq) = (entry_of(&step), step.event().seq());
            let append = Append { chain, behind, entries: vec![entry], after };
            if let Some(rows) = self.store_and(&slot, append, |loaded| loaded.chain.commit(step)).await? {
                let row = rows.into_iter().next().ok_or(Refused::NotFound)?;
                return Ok(Appended { seq, row, created: true });
            }
        }
        Err(kez_store::StoreError::Unavailable("others write to it all the time".to_owned()).into())
    }

    /// Everything about an event that needs no waiting.
    fn judge(&self, loaded: &Loaded, event: Unverified, expected: &Expected) -> Result<Step, Refused> {
        let chain = &loaded.chain;
        let head = chain.head();
        if let Expected::OneOf(hashes) = expected
            && !head.is_some_and(|head| hashes.contains(&head.hash))
        {
            let detail =
                "The head is not the one in If-Match; fetch the chain, and sign again if it still makes sense.";
            return Err(Refused::Conflict { reason: Some(Reason::StalePrev), head, detail });
        }
        let refuse = |reason| Refused::Event { reason, head, index: None };
        let event = chain.authenticate(event).map_err(refuse)?;
        let now = self.now();
        if self.is_behind(chain.last_received_at().map_or(i64::MIN, Timestamp::unix)) {
            return Err(Refused::ClockBehind);
        }
        let received_at = chain.last_received_at().map_or(now, |last| last.max(now));
        let step = chain.judge(event, received_at).map_err(refuse)?;
        if !self.is_home(loaded, &step) {
            return Err(refuse(Reason::WrongServer));
        }
        chain.within_limits(&step, &loaded.limits(&self.limits.chain), Arrival::Alone).map_err(refuse)?;
        Ok(step)
    }

    /// Whether the chain lives here, or the event undoes the move away. A genesis names its home itself.
    fn is_home(&self, loaded: &Loaded, step: &Step) -> bool {
        let is_here = |server: &kez_core::ServerName| *server == self.server;
        match (loaded.chain.state(), step.event().body()) {
            (None, Body::Genesis { server, .. }) => is_here(server),
            (now, _) => {
                let before = loaded.chain.before(step);
                now.is_some_and(|state| is_here(&state.server)) || before.is_some_and(|state| is_here(&state.server))
            }
        }
    }

    /// The answer to an event that was accepted before.
    async fn again(
        &self,
        chain: &KeyId,
        event: &Unverified,
        standing: Standing,
        head: Option<Head>,
    ) -> Result<Appended, Refused> {
        match standing {
            Standing::InChain(seq) => {
                let row = self.row(chain, &event.id()).await?;
                Ok(Appended { seq, row, created: false })
            }
            Standing::Nullified { .. } => {
                let detail = "A recovery displaced this event; fetch the chain, and sign a new one behind its head.";
                Err(Refused::Conflict { reason: Some(Reason::Duplicate), head, detail })
            }
        }
    }

    pub(super) async fn admit(&self, chain: &KeyId) -> Result<(), Refused> {
        self.gate.admit(chain, self.now()).await.granted()
    }

    /// Stores what was judged, then adds it in memory by `add`; none when somebody else was faster. Whoever calls holds
    /// the turn.
    pub(super) async fn store_and(
        &self,
        slot: &Arc<Slot>,
        append: Append,
        add: impl FnOnce(&mut Loaded),
    ) -> Result<Option<Vec<Row>>, Refused> {
        let (chain, behind) = (append.chain, append.behind);
        let stored = self.store.append(append).await;
        let mut place = slot.loaded.write().await;
        let rows = match stored {
            Ok(Ok(rows)) => rows,
            // It is not known, or not in memory, what is stored now.
            Ok(Err(NotStored::Stale)) => {
                *place = None;
                return Ok(None);
            }
            Ok(Err(NotStored::Refused(reason))) => {
                let head = place.as_ref().and_then(|loaded| loaded.chain.head());
                return Err(Refused::Event { reason, head, index: None });
            }
            Err(error) => {
                *place = None;
                return Err(error.into());
            }
        };
        // Whoever read the chain meanwhile has these rows already.
        if let Some(loaded) = place.as_mut().filter(|loaded| loaded.log.len() as u64 == behind) {
            add(loaded);
            loaded.added(rows.iter());
            self.keep_checkpoint(loaded);
            self.slots.keep(chain, slot, loaded.log.len());
        }
        rows.iter().for_each(|row| self.seen.note(row));
        let newest = rows.iter().map(|row| row.received_at.unix()).max().unwrap_or(i64::MIN);
        self.newest.fetch_max(newest, Ordering::SeqCst);
        Ok(Some(rows))
    }
}

/// The key that an event gives a role in the chain.
const fn new_key(body: &Body) -> Option<&KeyId> {
    match body {
        Body::AddDeviceKey { key, .. } | Body::RotatePrimary { primary: key, .. } => Some(key),
        _ => None,
    }
}

pub(super) fn entry_of(step: &Step) -> NewEntry {
    let event = step.event();
    NewEntry {
        seq: event.seq(),
        id: event.id(),
        event: event.canonical_bytes().to_vec(),
        received_at: step.received_at(),
    }
}
