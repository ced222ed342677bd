//! Sigchains: every event in the order of acceptance.

mod append;

use async_trait::async_trait;
use kez_core::{Hash, KeyId, Timestamp};
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{QueryBuilder, Sqlite};

use super::writer::Command;
use super::{SqliteStore, failed};
use crate::StoreError;
use crate::sigchains::{Append, Log, NotStored, Row, Sigchains, Signer};

pub(super) use append::{Appending, append};

/// A row as SQLite gives it.
type StoredRow = (i64, Vec<u8>, i64, Vec<u8>, Vec<u8>, i64, Vec<u8>);

/// A query for rows, in the order of [`StoredRow`].
macro_rules! select_rows {
    ($rest:literal) => {
        concat!("SELECT log_index, chain, entry, id, event, received_at, receipt FROM entries ", $rest)
    };
}

impl SqliteStore {
    async fn rows(&self, query: QueryAs<'_, Sqlite, StoredRow, SqliteArguments>) -> Result<Vec<Row>, StoreError> {
        let found = query.fetch_all(&self.log.get()?).await.map_err(failed)?;
        found.into_iter().map(parse).collect()
    }
}

#[async_trait]
impl Log for SqliteStore {
    async fn log(&self, chain: &KeyId, from: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query_as(select_rows!("WHERE chain = ? AND entry >= ? ORDER BY entry LIMIT ?"));
        self.rows(query.bind(chain.as_bytes().as_slice()).bind(number(from)).bind(number(limit))).await
    }

    async fn by_ids(&self, chain: &KeyId, ids: &[Hash]) -> Result<Vec<Row>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(select_rows!("WHERE chain = "));
        query.push_bind(chain.as_bytes().to_vec()).push(" AND id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.as_bytes().to_vec());
        }
        query.push(")");
        self.rows(query.build_query_as()).await
    }

    async fn export(&self, log_index: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
        let query = sqlx::query_as(select_rows!("WHERE log_index > ? ORDER BY log_index LIMIT ?"));
        self.rows(query.bind(number(log_index)).bind(number(limit))).await
    }

    async fn chains(&self, after: Option<&KeyId>, limit: u64) -> Result<Vec<KeyId>, StoreError> {
        // No key is empty, so every key is behind an empty one.
        let found: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT DISTINCT chain FROM entries WHERE chain > ? ORDER BY chain LIMIT ?")
                .bind(after.map_or_else(Vec::new, |key| key.as_bytes().to_vec()))
                .bind(number(limit))
                .fetch_all(&self.log.get()?)
                .await
                .map_err(failed)?;
        found.into_iter().map(|bytes| key(&bytes)).collect()
    }

    async fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(received_at) FROM entries")
            .fetch_one(&self.log.get()?)
            .await
            .map_err(failed)?;
        Ok(newest.map(Timestamp::from_unix))
    }

    async fn receipt_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        let found: Vec<Vec<u8>> = sqlx::query_scalar("SELECT key FROM receipt_keys ORDER BY number")
            .fetch_all(&self.log.get()?)
            .await
            .map_err(failed)?;
        found.into_iter().map(|bytes| key(&bytes)).collect()
    }

    async fn limited_since(&self) -> Result<u64, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT log_index FROM limited_since")
            .fetch_optional(&self.log.get()?)
            .await
            .map_err(failed)?;
        Ok(found.and_then(|log_index| u64::try_from(log_index).ok()).unwrap_or(0))
    }

    async fn checkpoint(&self, chain: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar("SELECT content FROM checkpoints WHERE chain = ?")
            .bind(chain.as_bytes().as_slice())
            .fetch_optional(&self.log.get()?)
            .await
            .map_err(failed)
    }
}

#[async_trait]
impl Sigchains for SqliteStore {
    async fn append(&self, append: Append) -> Result<Result<Vec<Row>, NotStored>, StoreError> {
        self.writer.ask(|answer| Command::Append(Box::new(append), answer)).await
    }

    fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>) {
        self.writer.keep_checkpoint(chain, bytes);
    }

    async fn sign_with(&self, signer: Signer) -> Result<(), StoreError> {
        self.writer.ask(|answer| Command::SignWith(Box::new(signer), answer)).await
    }
}

/// Remembers who signs receipts.
pub(super) async fn use_key(db: &mut SqliteConnection, signer: &Signer) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO receipt_keys (key) VALUES (?) ON CONFLICT DO NOTHING")
        .bind(signer.key().as_bytes().as_slice())
        .execute(db)
        .await
        .map(drop)
        .map_err(failed)
}

pub(super) async fn keep_checkpoint(db: &mut SqliteConnection, chain: &KeyId, bytes: &[u8]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO checkpoints (chain, content) VALUES (?, ?) ON CONFLICT DO UPDATE SET content = excluded.content",
    )
    .bind(chain.as_bytes().as_slice())
    .bind(bytes)
    .execute(db)
    .await
    .map(drop)
    .map_err(failed)
}

/// Parses a stored row; what is stored was valid when it was written, so anything else is damage.
fn parse(stored: StoredRow) -> Result<Row, StoreError> {
    let (log_index, chain, entry, id, event, received_at, receipt) = stored;
    let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of log index {log_index}"));
    let id: [u8; 32] = id.try_into().map_err(|_| corrupt("the id"))?;
    Ok(Row {
        log_index: u64::try_from(log_index).map_err(|_| corrupt("the number"))?,
        chain: key(&chain).map_err(|_| corrupt("the chain"))?,
        entry: u64::try_from(entry).map_err(|_| corrupt("the place"))?,
        id: Hash::from_bytes(id),
        event,
        received_at: Timestamp::from_unix(received_at),
        receipt,
    })
}

fn key(bytes: &[u8]) -> Result<KeyId, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Corrupt("a key of another length".to_owned()))?;
    Ok(KeyId::ed25519(bytes))
}

/// SQLite counts up to 2^63 − 1, and so far behind the end there is nothing.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
