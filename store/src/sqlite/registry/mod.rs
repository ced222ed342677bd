//! SQLite: one file, one writer task that commits in groups, a few readers.

mod batch;
mod before;
mod chains;
mod follow;
mod homes;
mod memory;
mod read;
mod standing;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::sqlite::{self as files, Kind, Lock};
use async_trait::async_trait;
use kez_core::sigchain;
use kez_core::{Claim, Handle, Hash, KeyId, Sorted, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::StoreError;
use crate::handles::{Changed, Followed, Policy, Refusal, Registered, Row, Store, Taken};
pub use chains::Chains;
use follow::Step;
use read::Readers;
use writer::Writer;

/// How long a statement waits for another process's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The databases of this program.
pub static KIND: Kind = Kind { program: "kez-chat-server", steps: &crate::sqlite::MIGRATIONS };

/// The registry in one SQLite file.
pub struct SqliteStore {
    readers: Arc<Readers>,
    writer: Writer,
    lock: Mutex<Option<Lock>>,
}

impl SqliteStore {
    /// Opens the file, which no other process may have open, creates it if there is none, and brings its tables up to date.
    /// `changed` hears of every change.
    ///
    /// # Errors
    /// When another process has the file, or it cannot be opened or written, is no database, or was written by a newer
    /// version of this program.
    pub async fn open(path: &Path, policy: Policy, changed: Changed) -> Result<Self, StoreError> {
        let lock = Lock::take(path, KIND.program).await.map_err(StoreError::Unavailable)?;
        let mut connection = files::open(path, &KIND).await?;
        homes::fill(&mut connection, &policy.server).await?;
        let readers = Arc::new(Readers::new(path.to_owned(), policy.server.clone()));
        let writer = Writer::start(path.to_owned(), connection, policy, changed);
        Ok(SqliteStore { readers, writer, lock: Mutex::new(Some(lock)) })
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// A connection that writes durably, to a database that is there.
async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(files::connect(path, Some(&KIND)).await?)
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(files::say(&error))
}

#[async_trait]
impl Store for SqliteStore {
    async fn register(&self, claim: Claim, now: Timestamp) -> Result<Result<Registered, Refusal>, StoreError> {
        self.writer.register(claim, now).await
    }

    async fn release(&self, claim: Claim, now: Timestamp) -> Result<Result<Row, Refusal>, StoreError> {
        self.writer.release(claim, now).await
    }

    async fn by_handle(&self, handle: &Handle) -> Result<Option<Row>, StoreError> {
        self.readers.by_handle(handle).await
    }

    async fn by_key(&self, key: &KeyId) -> Result<Option<Row>, StoreError> {
        self.readers.by_key(key).await
    }

    async fn by_chain(&self, chain: &KeyId) -> Result<Option<Row>, StoreError> {
        self.readers.by_chain(chain).await
    }

    async fn lost_a_key(&self, chain: &KeyId) -> Result<bool, StoreError> {
        self.readers.lost_a_key(chain).await
    }

    async fn follow(
        &self,
        url: &str,
        chains: Vec<Followed>,
        behind: Vec<KeyId>,
        log_index: Option<u64>,
    ) -> Result<Vec<Taken>, StoreError> {
        self.writer.follow(Step { url: url.to_owned(), chains, behind, log_index }).await
    }

    async fn behind(&self, url: &str) -> Result<Vec<KeyId>, StoreError> {
        self.readers.behind(url).await
    }

    async fn followed_claims(&self, chain: &KeyId) -> Result<Sorted<Hash, sigchain::Claim>, StoreError> {
        self.readers.followed_claims(chain).await
    }

    async fn followed(&self, chain: &KeyId) -> Result<Option<(u64, Hash)>, StoreError> {
        self.readers.followed(chain).await
    }

    async fn followed_to(&self, url: &str) -> Result<u64, StoreError> {
        self.readers.followed_to(url).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.readers.check().await?;
        self.writer.check().await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no test without a power switch can show: the log is synced at every commit.
    #[tokio::test]
    async fn the_writing_connection_is_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = files::open(&folder.path().join("kez.db"), &KIND).await.expect("a database");
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.expect("a row");
        let journal: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.expect("a row");
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "2 is FULL");
    }
}
