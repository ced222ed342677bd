//! SQLite: one file, one writer task that commits in groups, a few readers.

mod batch;
mod before;
mod chains;
mod file;
mod follow;
mod homes;
mod memory;
mod pieces;
mod read;
mod standing;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use kez_core::sigchain;
use kez_core::{Claim, Handle, Hash, KeyId, Sorted, Timestamp};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Changed, Followed, Policy, Refusal, Registered, Row, Store, StoreError, Taken};
pub use chains::Chains;
use follow::Step;
use read::Readers;
use writer::Writer;

/// How long a statement waits for another process's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The registry's tables, step by step, and those of the chains, which count from [`CHAINS_STEPS`].
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let own = sqlx::migrate!("migrations/sqlite").iter().cloned();
    let chains = kez_sig_server::store::sqlite::MIGRATIONS.iter().cloned().map(|mut step| {
        step.version += CHAINS_STEPS;
        step
    });
    Migrator::with_migrations(own.chain(chains).collect())
});
const CHAINS_STEPS: i64 = 1_000;

/// The registry in one SQLite file.
pub struct SqliteStore {
    readers: Arc<Readers>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its tables up to date. `changed` hears of every change.
    ///
    /// # Errors
    /// When the file cannot be opened or written, is no database, or was written by a newer version of this program.
    pub async fn open(path: &Path, policy: Policy, changed: Changed) -> Result<Self, StoreError> {
        let mut connection = connect(path, true).await?;
        homes::fill(&mut connection, &policy.server).await?;
        let readers = Arc::new(Readers::new(path.to_owned(), policy.server.clone()));
        Ok(SqliteStore { readers, writer: Writer::start(path.to_owned(), connection, policy, changed) })
    }
}

/// Writes a consistent copy of the database at `from` to the new file `to`, also while a server uses it.
///
/// # Errors
/// When `from` is missing or unreadable, or `to` exists or cannot be written.
pub async fn backup(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut connection = options(from).read_only(true).connect().await.map_err(unavailable)?;
    let target = to.to_str().ok_or_else(|| StoreError::Unavailable("the copy's path is not UTF-8".to_owned()))?;
    sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await.map_err(unavailable)?;
    connection.close().await.map_err(unavailable)?;
    // The copy is worth something only once it is on the disk, its name included.
    let to = to.to_owned();
    let synced = tokio::task::spawn_blocking(move || {
        std::fs::File::open(&to)?.sync_all()?;
        let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
        std::fs::File::open(folder)?.sync_all()
    });
    synced
        .await
        .map_err(|e| StoreError::Unavailable(e.to_string()))?
        .map_err(|e| StoreError::Unavailable(e.to_string()))
}

/// Looks at the database at `path` without changing it: whether it is whole, of this program's version, and can be
/// written. Gives a few words about it.
///
/// # Errors
/// What is wrong with it.
pub async fn examine(path: &Path) -> Result<String, StoreError> {
    let mut connection = options(path).connect().await.map_err(unavailable)?;
    let whole: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await.map_err(unavailable)?;
    if whole != "ok" {
        return Err(StoreError::Corrupt(whole));
    }
    let step: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
    if step > newest {
        return Err(StoreError::Unavailable("it was written by a newer version of this program".to_owned()));
    }
    let live: i64 = sqlx::query_scalar("SELECT count(*) FROM handles WHERE released_at IS NULL")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    // Takes the lock that a change takes, and gives it back.
    for statement in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        sqlx::query(statement).execute(&mut connection).await.map_err(unavailable)?;
    }
    connection.close().await.map_err(unavailable)?;
    Ok(format!("whole and writable, {live} live handles"))
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
async fn connect(path: &Path, create: bool) -> Result<SqliteConnection, StoreError> {
    // FULL: in WAL mode, only it syncs the log at every commit; the default would lose the last ones with the power.
    let options = options(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.map_err(unavailable)?;
    match MIGRATIONS.run_direct(None, &mut connection, false).await {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no test without a power switch can show: the log is synced at every commit.
    #[tokio::test]
    async fn the_writing_connection_is_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = connect(&folder.path().join("kez.db"), true).await.expect("a database");
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.expect("a row");
        let journal: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.expect("a row");
        assert_eq!((synchronous, journal.as_str()), (2, "wal"), "2 is FULL");
    }
}
