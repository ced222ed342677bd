//! A small pool of connections that never write, and never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use super::connect::options;
use super::failed;
use super::file::FileId;
use crate::StoreError;

/// Readers of whatever file the path names now.
pub(super) struct Pool {
    path: PathBuf,
    pool: Mutex<Option<(FileId, SqlitePool)>>,
}

impl Pool {
    /// Readers of the file at `path`, which need not exist yet.
    pub(super) fn new(path: &Path) -> Self {
        Pool { path: path.to_owned(), pool: Mutex::new(None) }
    }

    /// The pool of the file that is there now; made anew when the file was replaced.
    pub(super) fn get(&self) -> Result<SqlitePool, StoreError> {
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

    /// Whether `query` can be answered.
    pub(super) async fn check(&self, query: &'static str) -> Result<(), StoreError> {
        sqlx::query(query).fetch_optional(&self.get()?).await.map(drop).map_err(failed)
    }

    pub(super) async fn close(&self) {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, pool)) = pool {
            pool.close().await;
        }
    }
}
