//! The readers: a small pool of connections that never write, and never wait for the writer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kez_core::{Handle, KeyId, Timestamp};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use super::super::{Release, Row, StoreError};
use super::file::FileId;
use super::{options, unavailable};

/// The stored columns, in the order of [`StoredRow`].
pub(super) const COLUMNS: &str = "handle, primary_key, registered_at, registration, released_at, release";

/// A row as SQLite gives it.
pub(super) type StoredRow = (String, String, i64, Vec<u8>, Option<i64>, Option<Vec<u8>>);

/// Parses a stored row; what is stored was valid when it was written, so anything else is damage.
pub(super) fn parse(stored: StoredRow) -> Result<Row, StoreError> {
    let (handle, primary, registered_at, registration, released_at, release) = stored;
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
        handle: handle.parse().map_err(|_| corrupt("the spelling"))?,
    })
}

/// Lookups on whatever file the path names now.
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Option<(FileId, SqlitePool)>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Readers { path, pool: Mutex::new(None) }
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

    pub(super) async fn by_handle(&self, handle: &Handle) -> Result<Option<Row>, StoreError> {
        let found: Option<StoredRow> = sqlx::query_as(
            "SELECT handle, primary_key, registered_at, registration, released_at, release FROM handles WHERE handle = ?",
        )
        .bind(handle.as_str())
        .fetch_optional(&self.pool()?)
        .await
        .map_err(unavailable)?;
        found.map(parse).transpose()
    }

    pub(super) async fn by_key(&self, key: &KeyId) -> Result<Option<Row>, StoreError> {
        let found: Option<StoredRow> = sqlx::query_as(
            "SELECT handle, primary_key, registered_at, registration, released_at, release FROM handles \
             WHERE primary_key = ? AND released_at IS NULL",
        )
        .bind(key.to_string())
        .fetch_optional(&self.pool()?)
        .await
        .map_err(unavailable)?;
        found.map(parse).transpose()
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
