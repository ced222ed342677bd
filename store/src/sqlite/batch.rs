//! A group of appends in one transaction: look how long the logs are that they touch, number and seal what fits, write
//! it. One append that came too late spoils no other.

use std::collections::{HashMap, HashSet};

use kez_core::KeyId;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use tokio::sync::oneshot;

use super::companion::{Companion, Tell};
use super::read::number;
use super::unavailable;
use crate::StoreError;
use crate::sigchains::{Append, NewEntry, NotStored, Row, Sealer};

/// Rows that one statement writes: seven values each, and SQLite takes 32,766 of them.
const ROWS_PER_STATEMENT: usize = 2_000;

type Reply = oneshot::Sender<Result<Result<Vec<Row>, NotStored>, StoreError>>;

/// An append, whom to answer, and the answer.
type Waiting = (Append, Reply, Result<Vec<Row>, NotStored>);

/// Appends that will be committed together, and afterwards their answers.
#[derive(Default)]
pub(super) struct Batch {
    appends: Vec<Waiting>,
    keys: Vec<KeyId>,
    /// The last one of each chain.
    checkpoints: HashMap<KeyId, Vec<u8>>,
    /// Who is to be told of it afterwards.
    told: Vec<Tell>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.keys.is_empty() && self.checkpoints.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.appends.len()
    }

    pub(super) fn add(&mut self, append: Append, reply: Reply) {
        self.appends.push((append, reply, Err(NotStored::Stale)));
    }

    pub(super) fn use_key(&mut self, key: KeyId) {
        self.keys.push(key);
    }

    pub(super) fn keep_checkpoint(&mut self, chain: KeyId, bytes: Vec<u8>) {
        self.checkpoints.insert(chain, bytes);
    }

    /// Writes what still fits, in the order of arrival, without committing.
    pub(super) async fn store(
        &mut self,
        db: &mut SqliteConnection,
        sealer: &Sealer,
        companion: Option<&dyn Companion>,
    ) -> Result<(), StoreError> {
        for key in &self.keys {
            sqlx::query("INSERT INTO receipt_keys (key) VALUES (?) ON CONFLICT DO NOTHING")
                .bind(key.as_bytes().as_slice())
                .execute(&mut *db)
                .await
                .map_err(unavailable)?;
        }
        for (chain, bytes) in &self.checkpoints {
            sqlx::query("INSERT INTO checkpoints (chain, content) VALUES (?, ?) ON CONFLICT DO UPDATE SET content = excluded.content")
                .bind(chain.as_bytes().as_slice())
                .bind(bytes.as_slice())
                .execute(&mut *db)
                .await
                .map_err(unavailable)?;
        }
        if self.appends.is_empty() {
            return Ok(());
        }
        let mut lengths = self.lengths(db).await?;
        let last: Option<i64> =
            sqlx::query_scalar("SELECT max(log_index) FROM entries").fetch_one(&mut *db).await.map_err(unavailable)?;
        let mut log_index = u64::try_from(last.unwrap_or(0)).unwrap_or(0);
        let mut waiting: Vec<_> = self.appends.iter_mut().collect();
        while !waiting.is_empty() {
            // The companion is asked about each chain once at a time.
            let mut seen = HashSet::new();
            let (now, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(append, ..)| seen.insert(append.chain));
            waiting = later;
            let fits = |append: &Append| lengths.get(&append.chain).copied().unwrap_or(0) == append.behind;
            let now = now.into_iter().filter(|(append, ..)| fits(append)).collect();
            let taken = match companion {
                Some(companion) => follow(db, companion, now, &mut self.told).await?,
                None => now,
            };
            for (append, _, answer) in taken {
                let length = lengths.entry(append.chain).or_default();
                let rows: Vec<_> = append
                    .entries
                    .drain(..)
                    .zip(*length..)
                    .map(|(entry, place)| {
                        log_index += 1;
                        seal(append.chain, place, entry, log_index, sealer)
                    })
                    .collect();
                *length += rows.len() as u64;
                *answer = Ok(rows);
            }
        }
        self.write(db).await
    }

    /// Tells every caller how it went.
    pub(super) fn answer(self, committed: &Result<(), StoreError>) {
        // Also after a failure: a commit that was reported as failed may have reached the disk.
        self.told.into_iter().for_each(|tell| tell());
        for (_, reply, answer) in self.appends {
            // A caller that went away does not wait for its answer; the entries stand.
            let _ = reply.send(committed.clone().map(|()| answer));
        }
    }

    async fn lengths(&self, db: &mut SqliteConnection) -> Result<HashMap<KeyId, u64>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT chain, max(entry) + 1 FROM entries WHERE chain IN (");
        let mut list = query.separated(", ");
        for (append, ..) in &self.appends {
            list.push_bind(append.chain.as_bytes().to_vec());
        }
        query.push(") GROUP BY chain");
        let found: Vec<(Vec<u8>, i64)> = query.build_query_as().fetch_all(db).await.map_err(unavailable)?;
        let lengths = found
            .into_iter()
            .filter_map(|(chain, length)| Some((KeyId::ed25519(chain.try_into().ok()?), u64::try_from(length).ok()?)));
        Ok(lengths.collect())
    }

    async fn write(&self, db: &mut SqliteConnection) -> Result<(), StoreError> {
        let rows: Vec<_> = self.appends.iter().filter_map(|(.., answer)| answer.as_ref().ok()).flatten().collect();
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
            query.build().execute(&mut *db).await.map_err(unavailable)?;
        }
        Ok(())
    }
}

/// Asks the companion about appends to different chains; gives those that it takes.
async fn follow<'a>(
    db: &mut SqliteConnection,
    companion: &dyn Companion,
    appends: Vec<&'a mut Waiting>,
    told: &mut Vec<Tell>,
) -> Result<Vec<&'a mut Waiting>, StoreError> {
    let chains: Vec<_> = appends.iter().map(|(append, ..)| &append.after).collect();
    let followed = companion.follow(db, &chains).await?;
    let mut taken = Vec::with_capacity(appends.len());
    for (waiting, followed) in appends.into_iter().zip(followed) {
        match followed {
            Ok(tell) => {
                told.push(tell);
                taken.push(waiting);
            }
            Err(reason) => waiting.2 = Err(NotStored::Refused(reason)),
        }
    }
    Ok(taken)
}

/// The row of an entry, with its receipt.
fn seal(chain: KeyId, place: u64, entry: NewEntry, log_index: u64, sealer: &Sealer) -> Row {
    let receipt = sealer(&chain, &entry, log_index);
    let NewEntry { id, event, received_at, .. } = entry;
    Row { log_index, chain, entry: place, id, event, received_at, receipt }
}

/// Writes to the disk what changes nothing: whoever can do this can store entries.
pub(super) async fn write_something(db: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("UPDATE receipt_keys SET key = key").execute(db).await.map_err(unavailable)?;
    Ok(())
}
