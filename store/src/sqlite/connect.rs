//! Connections, and what keeps one from being made.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::kind::{Flaw, Kind, code};
use super::place::{Use, obstacle, stray_log};
use crate::StoreError;

/// How long a statement waits for another process's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

/// A connection that writes durably, to a database of this kind whose tables are up to date. For whoever has its lock and
/// no connection to it: the file is made if there is none.
pub(super) async fn create(path: &Path, kind: &Kind) -> Result<SqliteConnection, StoreError> {
    if let Some(why) = stray_log(path) {
        return Err(StoreError::Unavailable(why));
    }
    connected(path, true, kind).await
}

/// As [`create`], to a database that is there, also beside other connections.
pub(super) async fn connect(path: &Path, kind: &Kind) -> Result<SqliteConnection, StoreError> {
    connected(path, false, kind).await
}

async fn connected(path: &Path, create: bool, kind: &Kind) -> Result<SqliteConnection, StoreError> {
    // FULL: in WAL mode, only it syncs the log at every commit; the default would lose the last ones with the power.
    let options = options(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let explained = |error: sqlx::Error| StoreError::Unavailable(explain(path, kind, &error));
    let mut connection = options.connect().await.map_err(explained)?;
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

/// Why a database could not be opened or read, and what to do, as far as that can be seen.
pub(super) fn explain(path: &Path, kind: &Kind, error: &sqlx::Error) -> String {
    if let Some(why) = obstacle(path, Use::Write) {
        return why;
    }
    match Flaw::of(error) {
        Some(flaw) => kind.remedy(&flaw, path),
        // SQLITE_BUSY and SQLITE_LOCKED
        None if matches!(code(error), Some(5 | 6)) => {
            format!("another program keeps it locked, end that one: {error}")
        }
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::{CHAT_SERVER, SIG_SERVER};
    use super::*;

    /// What no test without a power switch can show: the log is synced at every commit.
    #[tokio::test]
    async fn the_writing_connection_is_durable() {
        for kind in [*CHAT_SERVER, *SIG_SERVER] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut connection = create(&folder.path().join("kez.db"), &kind).await.expect("a database");
            let synchronous: i64 =
                sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut connection).await.expect("a row");
            let journal: String =
                sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.expect("a row");
            assert_eq!((synchronous, journal.as_str()), (2, "wal"), "2 is FULL");
        }
    }
}
