//! A group of changes in one transaction: load everything that they touch, decide one after the other in memory, write
//! the result. Three statements serve any number of changes, and one refused change spoils no other.

use std::collections::{HashMap, HashSet};

use kez_core::{Claim, Handle, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::memory::Memory;
use super::unavailable;
use crate::StoreError;
use crate::decide;
use crate::handles;
use crate::handles::{Policy, Refusal, Registered, Row};

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
    pub(super) fn tell(&self, changed: &handles::Changed) {
        for (Claim { handle, primary, .. }, _, change) in &self.changes {
            let is_end = matches!(change, Change::Release(..));
            let (chain, others) = self.ending.get(handle).map_or((primary, &[][..]), |(chain, keys)| (chain, keys));
            let others = others.iter().filter(|key| is_end && *key != primary);
            for key in others.chain([primary]) {
                changed(handles::Change { handle, key, chain, is_end });
            }
        }
    }

    /// The time, if the last deletion of forgotten envelopes is long enough ago.
    pub(super) fn due_to_prune(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.changes.last()?.1;
        last.is_none_or(|last| now.unix() - last.unix() >= PRUNE_SECS).then_some(now)
    }

    /// Decides every change in the order of arrival and writes what follows, without committing.
    pub(super) async fn decide(&mut self, db: &mut SqliteConnection, policy: &Policy) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let claims = self.changes.iter().map(|(claim, ..)| claim).collect();
        let mut memory = Memory::load(db, claims, &policy.server).await?;
        self.ending = super::standing::members(db, self.released(&memory)).await?;
        let stored: HashSet<Handle> = memory.rows.keys().cloned().collect();
        for (claim, now, change) in &mut self.changes {
            if memory.is_damaged(claim) {
                continue;
            }
            let view = memory.view(claim);
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

    /// The handles that the changes may release, with their chains.
    fn released(&self, memory: &Memory) -> HashMap<Handle, KeyId> {
        let releases = self.changes.iter().filter(|(.., change)| matches!(change, Change::Release(..)));
        let rows = releases.filter_map(|(claim, ..)| memory.rows.get(&claim.handle));
        rows.map(|row| (row.handle.clone(), row.standing.chain)).collect()
    }

    /// Tells every caller how it went.
    pub(super) fn answer(self, committed: Result<(), StoreError>) {
        // A caller that went away does not wait for its answer; the change stands.
        // What was not decided touches a row that nobody can read.
        let damaged = || StoreError::Corrupt("a row that this change is about".to_owned());
        for (_, _, change) in self.changes {
            let failed = committed.as_ref().err().cloned();
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
