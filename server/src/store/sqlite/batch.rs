//! A group of changes in one transaction: load everything that they touch, decide one after the other in memory, write
//! the result. Three statements serve any number of changes, and one refused change spoils no other.

use std::collections::{BTreeSet, HashMap, HashSet};

use kez_core::registration::CLOCK_SKEW_SECS;
use kez_core::{Claim, Handle, Hash, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use tokio::sync::oneshot;

use super::super::decide::{self, OwnChain, View};
use super::super::{Policy, Refusal, Registered, Row, StoreError};
use super::read::{StoredRow, parse, select_rows};
use super::unavailable;
use super::writer::copy;
use crate::store;

/// How long an envelope is remembered once it is stale, in seconds: room for a clock that is set back.
const REMEMBER_SECS: i64 = 3_600;
/// How often forgotten envelopes are deleted, in seconds.
const PRUNE_SECS: i64 = 600;

enum Change {
    Register(oneshot::Sender<Result<Result<Registered, Refusal>, StoreError>>, Option<Result<Registered, Refusal>>),
    Release(oneshot::Sender<Result<Result<Row, Refusal>, StoreError>>, Option<Result<Row, Refusal>>),
}

/// Changes that will be committed together, and afterwards their answers.
#[derive(Default)]
pub(super) struct Batch {
    changes: Vec<(Claim, Timestamp, Change)>,
    /// The chains of handles that are released, and the keys that stand for them.
    ending: HashMap<Handle, (KeyId, Vec<KeyId>)>,
}

/// What is stored, as far as the batch touches it, and what the batch changes.
#[derive(Default)]
struct Memory {
    rows: HashMap<Handle, Row>,
    live: HashMap<KeyId, Handle>,
    /// Handles that were live before the batch, by keys that their chains know.
    bound: HashMap<KeyId, Handle>,
    own_chains: HashMap<KeyId, OwnChain>,
    seen: HashSet<Hash>,
    /// Handles and keys, as text, of rows that cannot be read. They hold up nobody else.
    damaged: HashSet<String>,
    changed: BTreeSet<Handle>,
    newly_seen: Vec<(Hash, i64)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn add_registration(
        &mut self,
        claim: Claim,
        now: Timestamp,
        reply: oneshot::Sender<Result<Result<Registered, Refusal>, StoreError>>,
    ) {
        self.changes.push((claim, now, Change::Register(reply, None)));
    }

    pub(super) fn add_release(
        &mut self,
        claim: Claim,
        now: Timestamp,
        reply: oneshot::Sender<Result<Result<Row, Refusal>, StoreError>>,
    ) {
        self.changes.push((claim, now, Change::Release(reply, None)));
    }

    /// What was asked for, for every key that it is about.
    pub(super) fn tell(&self, changed: &store::Changed) {
        for (Claim { handle, primary, .. }, _, change) in &self.changes {
            let is_end = matches!(change, Change::Release(..));
            let (chain, others) = self.ending.get(handle).map_or((primary, &[][..]), |(chain, keys)| (chain, keys));
            let others = others.iter().filter(|key| is_end && *key != primary);
            for key in others.chain([primary]) {
                changed(store::Change { handle, key, chain, is_end });
            }
        }
    }

    /// The time, if the last deletion of forgotten envelopes is long enough ago.
    pub(super) fn due_to_prune(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.changes.last()?.1;
        last.is_none_or(|last| now.unix() - last.unix() >= PRUNE_SECS).then_some(now)
    }

    /// Decides every change in the order of arrival and writes what follows, without committing.
    pub(super) async fn decide(&mut self, db: &mut SqliteConnection, policy: Policy) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut memory = Memory::load(db, &self.changes).await?;
        self.ending = super::standing::members(db, memory.released_by(&self.changes)).await?;
        let stored: HashSet<Handle> = memory.rows.keys().cloned().collect();
        for (claim, now, change) in &mut self.changes {
            if memory.is_damaged(claim) {
                continue;
            }
            let view = View {
                row: memory.rows.get(&claim.handle),
                live_handle_of_key: memory.live.get(&claim.primary),
                is_bound: memory.is_bound(&claim.primary),
                own_chain: memory.own_chains.get(&claim.primary),
                seen: memory.seen.contains(&claim.id),
            };
            match change {
                Change::Register(_, answer) => {
                    let decided = decide::register(view, claim, *now, policy);
                    if let Ok(registered) = &decided {
                        memory.remember(claim, registered.created.then(|| registered.row.clone()));
                    }
                    *answer = Some(decided);
                }
                Change::Release(_, answer) => {
                    let decided = decide::release(view, claim, *now);
                    if let Ok(row) = &decided {
                        memory.remember(claim, Some(row.clone()));
                    }
                    *answer = Some(decided);
                }
            }
        }
        memory.write(db, &stored).await
    }

    /// Tells every caller how it went.
    pub(super) fn answer(self, committed: Result<(), StoreError>) {
        // A caller that went away does not wait for its answer; the change stands.
        // What was not decided touches a row that nobody can read.
        let damaged = || StoreError::Corrupt("a row that this change is about".to_owned());
        for (_, _, change) in self.changes {
            let failed = committed.as_ref().err().map(copy);
            match change {
                Change::Register(reply, answer) => {
                    let _ = reply.send(failed.map_or_else(|| answer.ok_or_else(damaged), Err));
                }
                Change::Release(reply, answer) => {
                    let _ = reply.send(failed.map_or_else(|| answer.ok_or_else(damaged), Err));
                }
            }
        }
    }
}

impl Memory {
    async fn load(db: &mut SqliteConnection, changes: &[(Claim, Timestamp, Change)]) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        let mut query = QueryBuilder::<Sqlite>::new(select_rows!("WHERE h.handle IN ("));
        push_list(&mut query, changes.iter().map(|(claim, ..)| claim.handle.to_string()));
        query.push(concat!(") UNION ", select_rows!("WHERE h.released_at IS NULL AND h.primary_key IN (")));
        push_list(&mut query, changes.iter().map(|(claim, ..)| claim.primary.to_string()));
        query.push(")");
        let rows: Vec<StoredRow> = query.build_query_as().fetch_all(&mut *db).await.map_err(unavailable)?;
        for stored in rows {
            let names = [stored.0.clone(), stored.1.clone()];
            match parse(stored) {
                Ok(row) => memory.put(row),
                Err(error) => {
                    tracing::error!(%error, "a stored row cannot be read");
                    memory.damaged.extend(names);
                }
            }
        }
        let keys: Vec<KeyId> = changes.iter().map(|(claim, ..)| claim.primary).collect();
        memory.bound = super::standing::bound(db, &keys).await?;
        memory.own_chains = super::standing::own_chains(db, &keys).await?;
        let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM seen_envelopes WHERE id IN (");
        push_list(&mut query, changes.iter().map(|(claim, ..)| claim.id.as_bytes().to_vec()));
        query.push(")");
        let seen: Vec<Vec<u8>> = query.build_query_scalar().fetch_all(db).await.map_err(unavailable)?;
        let seen: HashSet<&[u8]> = seen.iter().map(Vec::as_slice).collect();
        let ids = changes.iter().map(|(claim, ..)| claim.id);
        memory.seen = ids.filter(|id| seen.contains(id.as_bytes().as_slice())).collect();
        Ok(memory)
    }

    fn is_damaged(&self, claim: &Claim) -> bool {
        !self.damaged.is_empty()
            && (self.damaged.contains(claim.handle.as_str()) || self.damaged.contains(&claim.primary.to_string()))
    }

    /// Whether the chain of a handle that is live now knows the key.
    fn is_bound(&self, key: &KeyId) -> bool {
        let is_live = |handle| self.rows.get(handle).is_none_or(|row| row.released.is_none());
        self.bound.get(key).is_some_and(is_live)
    }

    /// The handles that the changes may release, with their chains.
    fn released_by(&self, changes: &[(Claim, Timestamp, Change)]) -> HashMap<Handle, KeyId> {
        let releases = changes.iter().filter(|(.., change)| matches!(change, Change::Release(..)));
        let rows = releases.filter_map(|(claim, ..)| self.rows.get(&claim.handle));
        rows.map(|row| (row.handle.clone(), row.standing.chain)).collect()
    }

    fn put(&mut self, row: Row) {
        if row.released.is_none() {
            self.live.insert(row.primary, row.handle.clone());
        } else if self.live.get(&row.primary) == Some(&row.handle) {
            self.live.remove(&row.primary);
        }
        self.rows.insert(row.handle.clone(), row);
    }

    /// An accepted envelope, and the row that it changed, if it did.
    fn remember(&mut self, claim: &Claim, row: Option<Row>) {
        if self.seen.insert(claim.id) {
            let stale = claim.created_at.unix() + i64::try_from(CLOCK_SKEW_SECS).unwrap_or(i64::MAX);
            self.newly_seen.push((claim.id, stale + REMEMBER_SECS));
        }
        if let Some(row) = row {
            self.changed.insert(row.handle.clone());
            self.put(row);
        }
    }

    async fn write(self, db: &mut SqliteConnection, stored: &HashSet<Handle>) -> Result<(), StoreError> {
        // Old rows go first: two handles may have swapped keys within the batch, which one statement a row could not
        // write without breaking "one live handle a key" in between.
        if self.changed.iter().any(|handle| stored.contains(handle)) {
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM handles WHERE handle IN (");
            push_list(&mut query, self.changed.iter().map(ToString::to_string));
            query.push(")");
            query.build().execute(&mut *db).await.map_err(unavailable)?;
        }
        if !self.changed.is_empty() {
            let rows = self.changed.iter().filter_map(|handle| self.rows.get(handle));
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO handles (handle, primary_key, registered_at, registration, released_at, release, chain) ",
            );
            query.push_values(rows, |mut tuple, row| {
                tuple
                    .push_bind(row.handle.to_string())
                    .push_bind(row.primary.to_string())
                    .push_bind(row.registered_at.unix())
                    .push_bind(row.registration.clone())
                    .push_bind(row.released.as_ref().map(|release| release.at.unix()))
                    .push_bind(row.released.as_ref().map(|release| release.envelope.clone()))
                    .push_bind(row.standing.chain.to_string());
            });
            query.build().execute(&mut *db).await.map_err(unavailable)?;
        }
        if !self.newly_seen.is_empty() {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO seen_envelopes (id, forget_after) ");
            query.push_values(&self.newly_seen, |mut tuple, (id, forget_after)| {
                tuple.push_bind(id.as_bytes().to_vec()).push_bind(*forget_after);
            });
            query.build().execute(db).await.map_err(unavailable)?;
        }
        Ok(())
    }
}

/// Deletes envelopes that are stale since an hour.
pub(super) async fn prune(db: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM seen_envelopes WHERE forget_after < ?").bind(now.unix());
    query.execute(db).await.map(drop).map_err(unavailable)
}

/// Writes for the sake of writing: an envelope that is forgotten since 1970, and that no hash will ever equal.
pub(super) async fn write_something(db: &mut SqliteConnection) -> Result<(), StoreError> {
    let query = sqlx::query("INSERT OR REPLACE INTO seen_envelopes (id, forget_after) VALUES (zeroblob(32), 0)");
    query.execute(db).await.map(drop).map_err(unavailable)
}

pub(super) fn push_list<T>(query: &mut QueryBuilder<Sqlite>, values: impl Iterator<Item = T>)
where
    T: for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite> + 'static,
{
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
}
