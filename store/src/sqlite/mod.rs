//! SQLite: one file, one writer task that commits in groups, a few readers.

mod backup;
mod batch;
mod companion;
mod examine;
mod file;
mod kind;
mod lock;
mod pieces;
mod place;
mod read;
pub mod registry;
mod restore;
mod snapshot;
mod writer;

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kez_core::{Hash, KeyId, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use crate::StoreError;
use crate::sigchains::{Append, Log, NotStored, Row, Sealer, Store};
use writer::Writer;

pub use backup::backup;
pub use companion::{Companion, Tell};
pub use examine::examine;
pub use kind::{Flaw, Kind, say};
pub use lock::{Holder, Lock, holder, interrupted};
pub use place::{Use, obstacle, stray_log};
pub use read::Readers;
pub use restore::restore;

/// How long a statement waits for another process's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// All tables, step by step: those of the handles, and from step 1,001 on those of the sigchains.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Steps of the sigchains' tables alone count from here.
const SIGCHAINS: i64 = 1_000;

/// The tables of sigchains alone.
static SIGCHAIN_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let steps = MIGRATIONS.iter().filter(|step| step.version > SIGCHAINS).cloned().map(|mut step| {
        step.version -= SIGCHAINS;
        step
    });
    Migrator::with_migrations(steps.collect())
});

/// The databases of the sigchain server.
pub static KIND: LazyLock<Kind> = LazyLock::new(|| Kind { program: "kez-sig-server", steps: &SIGCHAIN_MIGRATIONS });

/// Whose tables are brought up to date; none when somebody else sees to it.
type Tables = Option<Kind>;

/// The log in one SQLite file.
pub struct SqliteStore {
    readers: Readers,
    writer: Writer,
    /// None when somebody else sees to it.
    lock: Mutex<Option<Lock>>,
}

impl SqliteStore {
    /// Opens the file whose lock this is, creates it if there is none, and brings its tables up to date. `sealer` signs
    /// receipts. The lock is kept until the store is closed.
    ///
    /// # Errors
    /// When the file cannot be opened or written, is no database, or was written by a newer version of this program.
    pub async fn open(lock: Lock, sealer: Sealer) -> Result<Self, StoreError> {
        let path = lock.db().to_owned();
        SqliteStore::start(&path, Some(lock), sealer, None, Some(*KIND)).await
    }

    /// Opens a file whose lock `companion` has, and whose tables it made: [`MIGRATIONS`] are among its own.
    ///
    /// # Errors
    /// When the file cannot be opened or written.
    pub async fn within(path: &Path, sealer: Sealer, companion: Arc<dyn Companion>) -> Result<Self, StoreError> {
        SqliteStore::start(path, None, sealer, Some(companion), None).await
    }

    async fn start(
        path: &Path,
        lock: Option<Lock>,
        sealer: Sealer,
        companion: Option<Arc<dyn Companion>>,
        tables: Tables,
    ) -> Result<Self, StoreError> {
        let connection = match &tables {
            Some(kind) => open(path, kind).await?,
            None => connect(path, None).await?,
        };
        let task = writer::Setup { path: path.to_owned(), sealer, companion, tables };
        let (readers, writer) = (Readers::new(path.to_owned()), Writer::start(task, connection));
        Ok(SqliteStore { readers, writer, lock: Mutex::new(lock) })
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

/// A connection that writes durably, to a database of this kind whose tables are up to date. For whoever has its lock and
/// no connection to it: the file is made if there is none.
///
/// # Errors
/// A sentence that says what is in the way, and what to do.
pub async fn open(path: &Path, kind: &Kind) -> Result<SqliteConnection, StoreError> {
    if let Some(why) = place::stray_log(path) {
        return Err(StoreError::Unavailable(why));
    }
    connected(path, true, Some(kind)).await
}

/// As [`open`], to a database that is there, also beside other connections.
///
/// # Errors
/// As [`open`].
pub async fn connect(path: &Path, kind: Option<&Kind>) -> Result<SqliteConnection, StoreError> {
    connected(path, false, kind).await
}

async fn connected(path: &Path, create: bool, kind: Option<&Kind>) -> Result<SqliteConnection, StoreError> {
    // FULL: in WAL mode, only it syncs the log at every commit; the default would lose the last ones with the power.
    let options = options(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let explained = |error: sqlx::Error| StoreError::Unavailable(explain(path, kind, &error));
    let mut connection = options.connect().await.map_err(explained)?;
    let Some(kind) = kind else { return Ok(connection) };
    let flaw = match kind.steps.run_direct(None, &mut connection, false).await {
        Ok(()) => return Ok(connection),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => return Err(explained(error)),
        Err(MigrateError::VersionMissing(step)) => Flaw::Newer(step),
        Err(MigrateError::VersionMismatch(_)) => Flaw::Foreign(kind.program),
        Err(MigrateError::Dirty(step)) => Flaw::Unfinished(step),
        Err(error) => return Err(StoreError::Unavailable(error.to_string())),
    };
    Err(StoreError::Unavailable(kind.remedy(&flaw, path)))
}

/// Why a database could not be opened or read, and what to do, as far as that can be seen. `kind` is given where the database
/// is one of its own.
#[must_use]
pub fn explain(path: &Path, kind: Option<&Kind>, error: &sqlx::Error) -> String {
    if let Some(why) = obstacle(path, Use::Write) {
        return why;
    }
    match (Flaw::of(error), kind) {
        (Some(flaw), Some(kind)) => kind.remedy(&flaw, path),
        // SQLITE_BUSY and SQLITE_LOCKED
        _ if matches!(kind::code(error), Some(5 | 6)) => {
            format!("another program keeps it locked, end that one: {error}")
        }
        _ => error.to_string(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(say(&error))
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
        let mut connection = open(&folder.path().join("sig.db"), &KIND).await.expect("a database");
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.expect("a row");
        let journal: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.expect("a row");
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "2 is FULL");
    }
}
