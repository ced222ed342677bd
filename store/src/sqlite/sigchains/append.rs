//! A group of appends: look how long the logs are that they touch, number and seal what fits, write it. One append that came
//! too late spoils no other.

use std::collections::{HashMap, HashSet};

use kez_core::KeyId;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::number;
use crate::StoreError;
use crate::changes::Change;
use crate::decide::chains::Contested;
use crate::handles::Policy;
use crate::sigchains::{Append, NotStored, Row, Signer};
use crate::sqlite::answer::Answer;
use crate::sqlite::failed;
use crate::sqlite::handles;

/// Rows that one statement writes: seven values each, and SQLite takes 32,766 of them.
const ROWS_PER_STATEMENT: usize = 2_000;

/// An append, and afterwards the answer.
pub(in crate::sqlite) struct Appending {
    append: Append,
    answer: Answer<Result<Vec<Row>, NotStored>>,
    change: Option<Change>,
}

impl Appending {
    pub(in crate::sqlite) const fn new(append: Append, answer: Answer<Result<Vec<Row>, NotStored>>) -> Self {
        Appending { append, answer, change: None }
    }

    /// What changed, if it was taken.
    pub(in crate::sqlite) const fn change(&self) -> Option<&Change> {
        self.change.as_ref()
    }

    pub(in crate::sqlite) fn answer(self, committed: &Result<(), StoreError>) {
        self.answer.send(committed);
    }
}

/// Writes what still fits, in the order of arrival, without committing. Where handles are kept beside the chains, they
/// follow what is written.
pub(in crate::sqlite) async fn append(
    db: &mut SqliteConnection,
    appends: &mut [Appending],
    signer: Option<&Signer>,
    policy: Option<&Policy>,
) -> Result<(), StoreError> {
    let signer = signer.ok_or_else(|| StoreError::Unavailable("no key signs receipts yet".to_owned()))?;
    let mut lengths = lengths(db, appends).await?;
    let last: Option<i64> =
        sqlx::query_scalar("SELECT max(log_index) FROM entries").fetch_one(&mut *db).await.map_err(failed)?;
    let mut log_index = u64::try_from(last.unwrap_or(0)).unwrap_or(0);
    let mut waiting: Vec<_> = appends.iter_mut().collect();
    while !waiting.is_empty() {
        // The handles follow each chain once at a time.
        let mut seen = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| seen.insert(one.append.chain));
        waiting = later;
        let fits = |one: &&mut Appending| lengths.get(&one.append.chain).copied().unwrap_or(0) == one.append.behind;
        let (mut now, late): (Vec<_>, Vec<_>) = now.into_iter().partition(fits);
        late.into_iter().for_each(|one| one.answer.put(Ok(Err(NotStored::Stale))));
        if let Some(policy) = policy {
            now = follow(db, policy, now).await?;
        }
        for Appending { append, answer, change } in now {
            let length = lengths.entry(append.chain).or_default();
            let rows = append.entries.iter().map(|entry| {
                log_index += 1;
                let row = signer.row(append.chain, *length, entry.clone(), log_index);
                *length += 1;
                row
            });
            answer.put(Ok(Ok(rows.collect())));
            let alone = || Change { chain: append.chain, entries: None, handle: None, keys: Vec::new() };
            change.get_or_insert_with(alone).entries = Some(*length);
        }
    }
    write(db, appends).await
}

/// Has the handles follow different chains; gives the appends that may be.
async fn follow<'a>(
    db: &mut SqliteConnection,
    policy: &Policy,
    appends: Vec<&'a mut Appending>,
) -> Result<Vec<&'a mut Appending>, StoreError> {
    let chains: Vec<_> = appends.iter().map(|one| &one.append.after).collect();
    let followed = handles::follow(db, &chains, &policy.server, Contested::Refused).await.map_err(failed)?;
    let mut taken = Vec::with_capacity(appends.len());
    for (one, followed) in appends.into_iter().zip(followed) {
        match followed {
            Ok(followed) => {
                one.change = Some(followed.change);
                taken.push(one);
            }
            Err(reason) => one.answer.put(Ok(Err(NotStored::Refused(reason)))),
        }
    }
    Ok(taken)
}

async fn lengths(db: &mut SqliteConnection, appends: &[Appending]) -> Result<HashMap<KeyId, u64>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT chain, max(entry) + 1 FROM entries WHERE chain IN (");
    let mut list = query.separated(", ");
    for Appending { append, .. } in appends {
        list.push_bind(append.chain.as_bytes().to_vec());
    }
    query.push(") GROUP BY chain");
    let found: Vec<(Vec<u8>, i64)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
    let lengths = found
        .into_iter()
        .filter_map(|(chain, length)| Some((KeyId::ed25519(chain.try_into().ok()?), u64::try_from(length).ok()?)));
    Ok(lengths.collect())
}

async fn write(db: &mut SqliteConnection, appends: &[Appending]) -> Result<(), StoreError> {
    let rows: Vec<_> = appends.iter().filter_map(|one| one.answer.noted()?.as_ref().ok()).flatten().collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO entries (log_index, chain, entry, id, event, received_at, receipt) ",
        );
        query.push_values(rows, |mut tuple, row| {
            tuple
                .push_bind(number(row.log_index))
                .push_bind(row.chain.as_bytes().to_vec())
                .push_bind(number(row.entry))
                .push_bind(row.id.as_bytes().to_vec())
                .push_bind(row.event.clone())
                .push_bind(row.received_at.unix())
                .push_bind(row.receipt.clone());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}
