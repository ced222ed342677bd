//! Registrations and releases, a group at a time: load everything that they touch, decide one after the other in memory,
//! write the result. Three statements serve any number of changes, and one refused change spoils no other.

use std::collections::{HashMap, HashSet};

use kez_core::{Admitted, Handle, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;

use super::memory::Memory;
use super::standing;
use crate::StoreError;
use crate::changes;
use crate::decide::claims;
use crate::handles::{Policy, Refusal, Registered, Row};
use crate::sqlite::answer::Answer;
use crate::sqlite::failed;

/// A change that somebody asks for, and afterwards the answer.
pub(in crate::sqlite) struct Change {
    admitted: Admitted,
    now: Timestamp,
    asked: Asked,
    /// Of a release: the chain of the handle, and the keys that stand for it.
    ending: Option<(KeyId, Vec<KeyId>)>,
}

enum Asked {
    Register(Answer<Result<Registered, Refusal>>),
    Release(Answer<Result<Row, Refusal>>),
}

impl Change {
    pub(in crate::sqlite) const fn registration(
        admitted: Admitted,
        now: Timestamp,
        answer: Answer<Result<Registered, Refusal>>,
    ) -> Self {
        Change { admitted, now, asked: Asked::Register(answer), ending: None }
    }

    pub(in crate::sqlite) const fn release(
        admitted: Admitted,
        now: Timestamp,
        answer: Answer<Result<Row, Refusal>>,
    ) -> Self {
        Change { admitted, now, asked: Asked::Release(answer), ending: None }
    }

    /// When it was asked for.
    pub(in crate::sqlite) const fn now(&self) -> Timestamp {
        self.now
    }

    /// What changed, if what was asked for was done.
    pub(in crate::sqlite) fn change(&self) -> changes::Change {
        let Admitted { handle, primary, .. } = &self.admitted;
        let is_end = self.is_release();
        let (chain, others) = self.ending.as_ref().map_or((primary, &[][..]), |(chain, keys)| (chain, keys));
        let others = others.iter().filter(|key| *key != primary);
        let keys = others.chain([primary]).map(|key| (*key, is_end)).collect();
        changes::Change { chain: *chain, entries: None, handle: Some(handle.clone()), keys }
    }

    /// The keys that stand for nobody any more, if what was asked for was done.
    pub(in crate::sqlite) fn ended(&self) -> Vec<KeyId> {
        let is_done = matches!(&self.asked, Asked::Release(answer) if matches!(answer.noted(), Some(Ok(_))));
        if is_done { ended(&self.change()) } else { Vec::new() }
    }

    pub(in crate::sqlite) fn answer(self, committed: &Result<(), StoreError>) {
        match self.asked {
            Asked::Register(answer) => answer.send(committed),
            Asked::Release(answer) => answer.send(committed),
        }
    }

    fn is_release(&self) -> bool {
        matches!(self.asked, Asked::Release(_))
    }
}

/// The keys that a change ends.
pub(in crate::sqlite) fn ended(change: &changes::Change) -> Vec<KeyId> {
    change.keys.iter().filter(|(_, is_end)| *is_end).map(|(key, _)| *key).collect()
}

/// Decides every change in the order of arrival and writes what follows, without committing.
pub(in crate::sqlite) async fn decide(
    db: &mut SqliteConnection,
    changes: &mut [Change],
    policy: &Policy,
) -> Result<(), StoreError> {
    let claims = changes.iter().map(|change| &change.admitted).collect();
    let mut memory = Memory::load(db, claims, &policy.server).await?;
    note_endings(db, changes, &memory).await?;
    let stored: HashSet<Handle> = memory.rows.keys().cloned().collect();
    for Change { admitted, now, asked, .. } in changes {
        let view = memory.view(admitted);
        match asked {
            Asked::Register(answer) => {
                let decided = claims::register(view, admitted, *now, policy);
                if let Ok(registered) = &decided {
                    memory.remember(admitted, registered.created.then(|| registered.row.clone()));
                }
                answer.put(Ok(decided));
            }
            Asked::Release(answer) => {
                let decided = claims::release(view, admitted, *now);
                if let Ok(row) = &decided {
                    memory.remember(admitted, Some(row.clone()));
                }
                answer.put(Ok(decided));
            }
        }
    }
    memory.write(db, &stored).await
}

/// Takes note of the chains of handles that may be released, and of the keys that stand for them.
async fn note_endings(db: &mut SqliteConnection, changes: &mut [Change], memory: &Memory) -> Result<(), StoreError> {
    let chain_of = |change: &Change| memory.rows.get(&change.admitted.handle).map(|row| row.standing.chain);
    let releases = || changes.iter().filter(|change| change.is_release());
    let mut keys: HashMap<KeyId, Vec<KeyId>> = releases().filter_map(chain_of).map(|chain| (chain, vec![])).collect();
    for (chain, key) in standing::active_keys(db, keys.keys()).await? {
        keys.entry(chain).or_default().push(key);
    }
    for change in changes.iter_mut().filter(|change| change.is_release()) {
        change.ending = chain_of(change).map(|chain| (chain, keys.get(&chain).cloned().unwrap_or_default()));
    }
    Ok(())
}

/// Deletes envelopes that are stale since an hour.
pub(in crate::sqlite) async fn prune(db: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM seen_envelopes WHERE forget_after < ?").bind(now.unix());
    query.execute(db).await.map(drop).map_err(failed)
}
