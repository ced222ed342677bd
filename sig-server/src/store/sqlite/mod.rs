//! SQLite: one file, one writer task that commits in groups, a few readers.

mod batch;
mod companion;
mod file;
mod read;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kez_core::{Hash, KeyId, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::{Append, Log, NotStored, Row, Sealer, Store, StoreError};
use writer::Writer;

pub use companion::{Companion, Tell};
pub use read::Readers;

/// How long a statement waits for another process's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The tables, step by step.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// The steps that bring the tables up to date; none when somebody else sees to it.
type Migrations = Option<&'static sqlx::migrate::Migrator>;

/// The log in one SQLite file.
pub struct SqliteStore {
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its tables up to date. `sealer` signs receipts.
    ///
    /// # Errors
    /// When the file cannot be opened or written, is no database, or was written by a newer version of this program.
    pub async fn open(path: &Path, sealer: Sealer) -> Result<Self, StoreError> {
        SqliteStore::start(path, sealer, None, Some(&MIGRATIONS)).await
    }

    /// Opens a file whose tables `companion` made: [`MIGRATIONS`] are among its own.
    ///
    /// # Errors
    /// When the file cannot be opened or written.
    pub async fn within(path: &Path, sealer: Sealer, companion: Arc<dyn Companion>) -> Result<Self, StoreError> {
        SqliteStore::start(path, sealer, Some(companion), None).await
    }

    async fn start(
        path: &Path,
        sealer: Sealer,
        companion: Option<Arc<dyn Companion>>,
        migrations: Migrations,
    ) -> Result<Self, StoreError> {
        let connection = connect(path, migrations.is_some(), migrations).await?;
        let task = writer::Setup { path: path.to_owned(), sealer, companion, migrations };
        Ok(SqliteStore { readers: Readers::new(path.to_owned()), writer: Writer::start(task, connection) })
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

/// A connection that writes durably, to a database whose tables are up to date.
async fn connect(path: &Path, create: bool, migrations: Migrations) -> Result<SqliteConnection, StoreError> {
    // FULL: in WAL mode, only it syncs the log at every commit; the default would lose the last ones with the power.
    let options = options(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.map_err(unavailable)?;
    let Some(migrations) = migrations else { return Ok(connection) };
    match migrations.run_direct(None, &mut connection, false).await {
        Ok(()) => Ok(connection),
        Err(sqlx::migrate::MigrateError::VersionMissing(version)) => Err(StoreError::Unavailable(format!(
            "it was written by a newer version of this program (its schema has step {version}); upgrade the program"
        ))),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[async_trait]
impl Log for SqliteStore {
    async fn log(&self, chain: &KeyId, from: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
        self.readers.log(chain, from, limit).await
    }

    async fn by_ids(&self, chain: &KeyId, ids: &[Hash]) -> Result<Vec<Row>, StoreError> {
        self.readers.by_ids(chain, ids).await
    }

    async fn export(&self, log_index: u64, limit: u64) -> Result<Vec<Row>, StoreError> {
        self.readers.export(log_index, limit).await
    }

    async fn chains(&self, after: Option<&KeyId>, limit: u64) -> Result<Vec<KeyId>, StoreError> {
        self.readers.chains(after, limit).await
    }

    async fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.readers.newest().await
    }

    async fn receipt_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        self.readers.receipt_keys().await
    }

    async fn limited_since(&self) -> Result<u64, StoreError> {
        self.readers.limited_since().await
    }

    async fn checkpoint(&self, chain: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.checkpoint(chain).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn append(&self, append: Append) -> Result<Result<Vec<Row>, NotStored>, StoreError> {
        self.writer.append(append).await
    }

    fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>) {
        self.writer.keep_checkpoint(chain, bytes);
    }

    async fn use_receipt_key(&self, key: &KeyId) -> Result<(), StoreError> {
        self.writer.use_key(*key).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.readers.check().await?;
        self.writer.check().await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no test without a power switch can show: the log is synced at every commit.
    #[tokio::test]
    async fn the_writing_connection_is_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = connect(&folder.path().join("sig.db"), true, Some(&MIGRATIONS)).await.expect("a database");
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.expect("a row");
        let journal: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.expect("a row");
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "2 is FULL");
    }
}
