//! SQLite: one file, one writer task that commits in groups, a few readers.

mod answer;
mod asked;
mod backup;
mod connect;
mod conversations;
mod examine;
mod file;
mod followed;
mod group;
mod handles;
mod instances;
mod key_packages;
mod kind;
mod lock;
mod pieces;
pub(crate) mod place;
#[cfg(test)]
mod plans;
mod pool;
mod restore;
mod sigchains;
mod snapshot;
mod standing;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use kez_core::ServerName;

use crate::changes::Listener;
use crate::handles::Policy;
use crate::sigchains::{Log, Sigchains};
use crate::{Database, Store, StoreError};
use lock::Lock;
use pool::Pool;
use writer::Writer;

pub use backup::backup;
pub use examine::examine;
pub use kind::{CHAT_SERVER, Kind, SIG_SERVER};
pub use lock::{Holder, holder};
pub use restore::restore;

/// A database in one file.
struct SqliteStore {
    log: Pool,
    /// None where sigchains are alone.
    handles: Option<(Pool, ServerName)>,
    writer: Writer,
    lock: Mutex<Option<Lock>>,
}

/// Opens the home server's file, which no other process may have open, creates it if there is none, and brings its tables up
/// to date. `listener` hears of every change.
///
/// # Errors
/// When another process has the file, or it cannot be opened or written, is no database, or was written by a newer version
/// of this program.
pub async fn open(path: &Path, policy: Policy, listener: Arc<dyn Listener>) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(SqliteStore::open(path, *CHAT_SERVER, Some(policy), listener).await?))
}

/// As [`open`], of a sigchain server's file.
///
/// # Errors
/// As [`open`].
pub async fn open_sigchains(path: &Path, listener: Arc<dyn Listener>) -> Result<Arc<dyn Sigchains>, StoreError> {
    Ok(Arc::new(SqliteStore::open(path, *SIG_SERVER, None, listener).await?))
}

/// The sigchains in the file at `path`, also beside a server that has it open. Changes nothing.
#[must_use]
pub fn read(path: &Path) -> impl Log {
    SqliteStore { log: Pool::new(path), handles: None, writer: Writer::none(), lock: Mutex::new(None) }
}

impl SqliteStore {
    async fn open(
        path: &Path,
        kind: Kind,
        policy: Option<Policy>,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, StoreError> {
        let lock = Lock::take(path, kind.program).await.map_err(StoreError::Unavailable)?;
        let mut connection = connect::create(path, &kind).await?;
        let server = policy.as_ref().map(|policy| policy.server.clone());
        if let Some(server) = &server {
            handles::fill_homes(&mut connection, server).await?;
        }
        Ok(SqliteStore {
            log: Pool::new(path),
            handles: server.map(|server| (Pool::new(path), server)),
            writer: Writer::start(path, kind, connection, policy, listener),
            lock: Mutex::new(Some(lock)),
        })
    }
}

#[async_trait]
impl Database for SqliteStore {
    async fn check(&self) -> Result<(), StoreError> {
        self.log.check("SELECT 1 FROM entries LIMIT 1").await?;
        if let Some((handles, _)) = &self.handles {
            handles.check("SELECT 1 FROM handles LIMIT 1").await?;
        }
        self.writer.check().await
    }

    async fn close(&self) {
        self.log.close().await;
        if let Some((handles, _)) = &self.handles {
            handles.close().await;
        }
        self.writer.close().await;
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Store for SqliteStore {}

/// What went wrong in a statement: what it read is damaged, or the database is away.
fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Decode(what) => StoreError::Corrupt(what.to_string()),
        error => StoreError::Unavailable(kind::say(&error)),
    }
}
