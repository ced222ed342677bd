//! The readers: a small pool of connections that never write, and never wait for the writer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kez_core::sigchain::Claim;
use kez_core::{ChainStanding, Handle, Hash, KeyId, ServerName, Sorted, Timestamp};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use super::before::is_in_use;
use super::{options, unavailable};
use crate::StoreError;
use crate::handles::{Release, Row};
use crate::sqlite::file::FileId;

/// A query for rows, in the order of [`StoredRow`]; `h` is the handle's row, `c` its chain's.
macro_rules! select_rows {
    ($rest:literal) => {
        concat!(
            "SELECT h.handle, h.primary_key, h.registered_at, h.registration, h.released_at, h.release, h.chain, \
             c.primary_key, c.head, c.active, c.home FROM handles h LEFT JOIN chains c ON c.chain = h.chain ",
            $rest
        )
    };
}
pub(super) use select_rows;

/// A handle of the key's own goes before one that it is a device of. One condition with OR would look at every handle.
const BY_KEY: &str = select_rows!(
    "WHERE h.handle = coalesce(
       (SELECT handle FROM handles WHERE primary_key = ?1 AND released_at IS NULL),
       (SELECT owned.handle FROM chain_keys k JOIN handles owned ON owned.chain = k.chain AND owned.released_at IS NULL
        WHERE k.key = ?1 AND k.is_active LIMIT 1))"
);

/// A row as SQLite gives it: six columns of its own, its chain, and that chain's primary, head, `active` and home.
pub(super) type StoredRow = (
    String,
    String,
    i64,
    Vec<u8>,
    Option<i64>,
    Option<Vec<u8>>,
    String,
    Option<String>,
    Option<Vec<u8>>,
    Option<bool>,
    Option<String>,
);

/// Parses a row of `server`; what is stored was valid when it was written, so anything else is damage.
pub(super) fn parse(stored: StoredRow, server: &ServerName) -> Result<Row, StoreError> {
    let (handle, primary, registered_at, registration, released_at, release, chain, chain_primary, head, active, home) =
        stored;
    let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of the handle {handle:?}"));
    Ok(Row {
        primary: primary.parse().map_err(|_| corrupt("the key"))?,
        registered_at: Timestamp::from_unix(registered_at),
        registration,
        released: match (released_at, release) {
            (None, None) => None,
            (Some(at), Some(envelope)) => Some(Release { at: Timestamp::from_unix(at), envelope }),
            _ => return Err(corrupt("the release")),
        },
        standing: ChainStanding {
            chain: chain.parse().map_err(|_| corrupt("the chain"))?,
            head: head.map(|head| hash(head).ok_or_else(|| corrupt("the chain's head"))).transpose()?,
            active: active.is_none_or(|active| is_in_use(active, home.as_deref(), server)),
        },
        chain_primary: chain_primary.map(|key| key.parse().map_err(|_| corrupt("the chain's primary"))).transpose()?,
        handle: handle.parse().map_err(|_| corrupt("the spelling"))?,
    })
}

/// A stored hash.
pub(super) fn hash(bytes: Vec<u8>) -> Option<Hash> {
    bytes.try_into().ok().map(Hash::from_bytes)
}

/// Lookups on whatever file the path names now.
pub(super) struct Readers {
    path: PathBuf,
    server: ServerName,
    pool: Mutex<Option<(FileId, SqlitePool)>>,
}

impl Readers {
    /// Readers of the registry of `server` at `path`.
    pub(super) fn new(path: PathBuf, server: ServerName) -> Self {
        Readers { path, server, pool: Mutex::new(None) }
    }

    /// The pool of the file that is there now; made anew when the file was replaced.
    fn pool(&self) -> Result<SqlitePool, StoreError> {
        let file = FileId::of(&self.path)?;
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match &*pool {
            Some((opened, pool)) if *opened == file => Ok(pool.clone()),
            _ => {
                let options = options(&self.path).read_only(true);
                let made = SqlitePoolOptions::new()
                    .max_connections(4)
                    .acquire_timeout(Duration::from_secs(3))
                    .test_before_acquire(false)
                    .connect_lazy_with(options);
                *pool = Some((file, made.clone()));
                Ok(made)
            }
        }
    }

    fn row(&self, found: Option<StoredRow>) -> Result<Option<Row>, StoreError> {
        found.map(|stored| parse(stored, &self.server)).transpose()
    }

    pub(super) async fn by_handle(&self, handle: &Handle) -> Result<Option<Row>, StoreError> {
        let found: Option<StoredRow> = sqlx::query_as(select_rows!("WHERE h.handle = ?"))
            .bind(handle.as_str())
            .fetch_optional(&self.pool()?)
            .await
            .map_err(unavailable)?;
        self.row(found)
    }

    pub(super) async fn by_key(&self, key: &KeyId) -> Result<Option<Row>, StoreError> {
        let found: Option<StoredRow> =
            sqlx::query_as(BY_KEY).bind(key.to_string()).fetch_optional(&self.pool()?).await.map_err(unavailable)?;
        self.row(found)
    }

    pub(super) async fn by_chain(&self, chain: &KeyId) -> Result<Option<Row>, StoreError> {
        let found: Option<StoredRow> = sqlx::query_as(select_rows!("WHERE h.chain = ? AND h.released_at IS NULL"))
            .bind(chain.to_string())
            .fetch_optional(&self.pool()?)
            .await
            .map_err(unavailable)?;
        self.row(found)
    }

    pub(super) async fn lost_a_key(&self, chain: &KeyId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM chain_keys WHERE chain = ? AND NOT is_active)")
            .bind(chain.to_string())
            .fetch_one(&self.pool()?)
            .await
            .map_err(unavailable)
    }

    pub(super) async fn followed_claims(&self, chain: &KeyId) -> Result<Sorted<Hash, Claim>, StoreError> {
        let found: Vec<(Vec<u8>, String, String, String)> =
            sqlx::query_as("SELECT id, type, subject, proof FROM followed_claims WHERE chain = ?")
                .bind(chain.to_string())
                .fetch_all(&self.pool()?)
                .await
                .map_err(unavailable)?;
        let corrupt = || StoreError::Corrupt(format!("a claim of the chain {chain}"));
        let parse =
            |(id, r#type, subject, proof)| Ok((hash(id).ok_or_else(corrupt)?, Claim { r#type, subject, proof }));
        found.into_iter().map(parse).collect()
    }

    pub(super) async fn followed(&self, chain: &KeyId) -> Result<Option<(u64, Hash)>, StoreError> {
        let found: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT entries, head FROM chains WHERE chain = ?")
            .bind(chain.to_string())
            .fetch_optional(&self.pool()?)
            .await
            .map_err(unavailable)?;
        let corrupt = || StoreError::Corrupt(format!("the head of the chain {chain}"));
        found
            .map(|(entries, head)| {
                Ok((u64::try_from(entries).map_err(|_| corrupt())?, hash(head).ok_or_else(corrupt)?))
            })
            .transpose()
    }

    pub(super) async fn followed_to(&self, url: &str) -> Result<u64, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT log_index FROM followed WHERE url = ?")
            .bind(url.to_owned())
            .fetch_optional(&self.pool()?)
            .await
            .map_err(unavailable)?;
        Ok(found.and_then(|index| u64::try_from(index).ok()).unwrap_or(0))
    }

    pub(super) async fn behind(&self, url: &str) -> Result<Vec<KeyId>, StoreError> {
        let found: Vec<String> = sqlx::query_scalar("SELECT chain FROM behind WHERE url = ?")
            .bind(url.to_owned())
            .fetch_all(&self.pool()?)
            .await
            .map_err(unavailable)?;
        let parse = |chain: String| {
            chain.parse().map_err(|_| StoreError::Corrupt(format!("the chain {chain:?} that is behind")))
        };
        found.into_iter().map(parse).collect()
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM handles LIMIT 1").fetch_optional(&self.pool()?).await.map_err(unavailable)?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, pool)) = pool {
            pool.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::registry::{KIND, files};

    /// Logins ask for keys: however many handles there are, no question may look at all of them.
    #[tokio::test]
    async fn no_lookup_scans_a_table() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut db = files::open(&folder.path().join("kez.db"), &KIND).await.expect("a database");
        let by_chain = select_rows!("WHERE h.chain = ? AND h.released_at IS NULL");
        for query in [BY_KEY, by_chain, select_rows!("WHERE h.handle = ?")] {
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")))
                    .bind("x")
                    .fetch_all(&mut db)
                    .await
                    .expect("a plan");
            assert!(plan.iter().any(|step| step.3.contains("SEARCH")), "{plan:?}");
            assert!(!plan.iter().any(|step| step.3.contains("SCAN h") || step.3.contains("SCAN k")), "{plan:?}");
        }
    }
}
