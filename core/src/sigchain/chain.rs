//! A verified chain, and how one more entry is judged and added.

use serde::Serialize;

use super::event::{Event, Unverified};
use super::keyring::Keyring;
use super::link::Link;
use super::place::Place;
use super::state::State;
use super::undo::Undo;
use super::{Reason, authority, fork, rules};
use crate::hash::Hash;
use crate::key::KeyId;
use crate::sorted::Sorted;
use crate::time::Timestamp;

pub(super) const SECONDS_PER_DAY: u64 = 86_400;

/// A chain and its audit log as far as they were verified. It keeps no event's bytes: some 200 bytes an event.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(super) id: KeyId,
    /// `id` as events write it.
    pub(super) id_text: String,
    /// None until there is a genesis.
    pub(super) state: Option<State>,
    /// The events of the chain; number n is at n − 1.
    pub(super) links: Vec<Link>,
    /// Every event that was ever accepted.
    pub(super) standing: Sorted<Hash, Standing>,
    /// In the order in which they were displaced.
    pub(super) nullified: Vec<Hash>,
    /// When the last entry was received.
    pub(super) last_received_at: Option<Timestamp>,
    /// How many entries each key signed.
    pub(super) signed: Sorted<KeyId, usize>,
    /// Canonical bytes of all entries' events.
    pub(super) bytes: u64,
    /// Who signed the entries of the day before the last one, recovery forks aside, and when they were received.
    pub(super) recent: Vec<(KeyId, Timestamp)>,
    pub(super) keyring: Keyring,
}

/// The newest event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub hash: Hash,
}

/// What became of an accepted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in the chain, with this number.
    InChain(u64),
    /// A recovery fork displaced it.
    Nullified {
        /// The fork's id.
        by: Hash,
    },
}

/// An entry that passed every check and waits to be added.
#[derive(Clone, Debug)]
pub struct Step {
    event: Event,
    received_at: Timestamp,
    /// How many events of the chain stay.
    kept: usize,
    /// The state before the event where it is not the chain's current one: of a genesis and of a fork.
    before: Option<State>,
}

impl Step {
    /// The event.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// How many events of the chain stay.
    pub(super) const fn kept(&self) -> usize {
        self.kept
    }

    /// Whether it is a recovery fork, which displaces events.
    pub(super) const fn is_fork(&self) -> bool {
        self.kept > 0 && self.before.is_some()
    }

    /// Whether the state before it is not the chain's current one: it is a genesis or a fork.
    pub(super) const fn is_new_beginning(&self) -> bool {
        self.before.is_some()
    }

    /// When it was received.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.received_at
    }
}

impl Chain {
    /// The chain of this genesis key, with nothing in it.
    #[must_use]
    pub fn new(id: KeyId) -> Self {
        Chain {
            id,
            id_text: id.to_string(),
            state: None,
            links: Vec::new(),
            standing: Sorted::default(),
            nullified: Vec::new(),
            last_received_at: None,
            signed: Sorted::default(),
            bytes: 0,
            recent: Vec::new(),
            keyring: Keyring::default(),
        }
    }

    /// Judges one more entry and adds it. Nothing is replayed, and nothing changes when it is refused.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`Reason::ALL`]; never [`Reason::LimitReached`].
    pub fn append(&mut self, event: Unverified, received_at: Timestamp) -> Result<(), Reason> {
        let step = self.judge(self.authenticate(event)?, received_at)?;
        self.commit(step);
        Ok(())
    }

    /// The checks that need no other event: the chain's name, `alg`, keys and signature.
    ///
    /// # Errors
    /// From [`Reason::WrongChain`] to [`Reason::BadSignature`].
    pub fn authenticate(&self, event: Unverified) -> Result<Event, Reason> {
        event.authenticate(&self.id_text, &self.keyring)
    }

    /// The checks against what the chain holds.
    ///
    /// # Errors
    /// From [`Reason::BadReceivedAt`] to [`Reason::BadPossessionProof`].
    pub fn judge(&self, event: Event, received_at: Timestamp) -> Result<Step, Reason> {
        if self.last_received_at.is_some_and(|last| received_at < last) {
            return Err(Reason::BadReceivedAt);
        }
        if self.standing.contains_key(&event.id) {
            return Err(Reason::Duplicate);
        }
        let Some(state) = &self.state else {
            let before = Some(rules::check_genesis(&event, self.id)?);
            return Ok(Step { event, received_at, kept: 0, before });
        };
        if matches!(event.body, super::Body::Genesis { .. }) {
            return Err(Reason::SecondGenesis);
        }
        let kept = event.prev.and_then(|prev| self.seq_of(&prev)).ok_or(Reason::StalePrev)?;
        if event.seq != kept as u64 + 1 {
            return Err(Reason::BadSeq);
        }
        let displaced = &self.links[kept..];
        let before =
            if displaced.is_empty() { None } else { Some(fork::check(&event, received_at, displaced, state)?) };
        let state = before.as_ref().unwrap_or(state);
        authority::check(&event, state)?;
        rules::check(&event, state, self.id, |key, input, pop| {
            self.keyring.verifies(key, &event.fresh, input, pop.as_bytes())
        })?;
        Ok(Step { event, received_at, kept, before })
    }

    /// Adds an entry that [`Chain::judge`] took, before anything else was added.
    pub fn commit(&mut self, step: Step) {
        self.count(&step);
        let Step { mut event, received_at, kept, before } = step;
        for link in self.links.drain(kept..) {
            self.standing.insert(link.id, Standing::Nullified { by: event.id });
            self.nullified.push(link.id);
        }
        if before.is_some() {
            self.state = before;
        }
        let Some(state) = &mut self.state else { return };
        let undo = Undo::apply(state, &event);
        self.standing.insert(event.id, Standing::InChain(event.seq));
        *self.signed.or_default(event.signer) += 1;
        self.keyring.extend(std::mem::take(&mut event.fresh));
        self.links.push(Link { id: event.id, signer: event.signer, received_at, undo });
        self.last_received_at = Some(received_at);
    }

    /// Counts an entry for the limits that a server has.
    fn count(&mut self, step: &Step) {
        self.bytes += step.event.bytes.len() as u64;
        let old = self.recent.partition_point(|(_, at)| at.after(SECONDS_PER_DAY) <= step.received_at);
        self.recent.drain(..old);
        if !step.is_fork() {
            self.recent.push((step.event.signer, step.received_at));
        }
    }

    /// Lets no entry that was added so far count for a limit of time: they came in a whole log, all at once.
    pub fn begin_day(&mut self) {
        self.recent.clear();
    }

    /// The chain's id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The newest event; none before the genesis.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.links.last().map(|link| Head { seq: self.links.len() as u64, hash: link.id })
    }

    /// Where the next event stands.
    #[must_use]
    pub fn next(&self) -> Place {
        Place { chain: self.id, seq: self.links.len() as u64 + 1, prev: self.links.last().map(|link| link.id) }
    }

    /// Where a fork stands that displaces everything behind event `seq` of the chain; none outside it.
    #[must_use]
    pub fn after(&self, seq: u64) -> Option<Place> {
        self.id_at(seq).map(|id| Place { chain: self.id, seq: seq + 1, prev: Some(id) })
    }

    /// The state behind the newest event; none before the genesis.
    #[must_use]
    pub const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The state behind event `seq` of the chain; none outside it.
    #[must_use]
    pub fn state_at(&self, seq: u64) -> Option<State> {
        self.id_at(seq)?;
        let kept = usize::try_from(seq).ok()?;
        self.state.as_ref().map(|now| fork::state_before(&self.links[kept..], now))
    }

    /// The id of event `seq` of the chain; none outside it.
    #[must_use]
    pub fn id_at(&self, seq: u64) -> Option<Hash> {
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.links.get(at).map(|link| link.id)
    }

    /// What became of the event with this id, if it was ever accepted.
    #[must_use]
    pub fn standing(&self, id: &Hash) -> Option<Standing> {
        self.standing.get(id).copied()
    }

    /// The ids of the displaced events, in the order in which they were displaced.
    #[must_use]
    pub fn nullified(&self) -> &[Hash] {
        &self.nullified
    }

    /// How many entries the audit log has.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.standing.len()
    }

    /// When the last entry was received; none before the genesis.
    #[must_use]
    pub const fn last_received_at(&self) -> Option<Timestamp> {
        self.last_received_at
    }

    /// Canonical bytes of all entries' events, of displaced ones too.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn recent(&self) -> &[(KeyId, Timestamp)] {
        &self.recent
    }

    pub(super) fn signed_by(&self, key: &KeyId) -> usize {
        self.signed.get(key).copied().unwrap_or(0)
    }

    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    /// The state that a step was judged against: of a genesis, what it starts with.
    #[must_use]
    pub fn before<'a>(&'a self, step: &'a Step) -> Option<&'a State> {
        step.before.as_ref().or(self.state.as_ref())
    }

    /// How many events the chain has up to this one.
    fn seq_of(&self, id: &Hash) -> Option<usize> {
        match self.standing.get(id) {
            Some(Standing::InChain(seq)) => usize::try_from(*seq).ok(),
            _ => None,
        }
    }
}
