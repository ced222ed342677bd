//! The one writer: it takes whatever is waiting, stores all of it in one transaction, and answers after COMMIT. Under
//! load many chains share one sync of the disk; alone, one waits for nobody.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kez_core::KeyId;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::file::FileId;
use super::{Companion, Tables, connect, unavailable};
use crate::StoreError;
use crate::sigchains::{Append, NotStored, Row, Sealer};

/// Most appends that share a transaction: enough to hide a slow disk's sync, few enough to answer soon.
const MAX_BATCH: usize = 256;
/// Most appends that may wait; beyond it the server is overloaded and says so at once.
const MAX_WAITING: usize = 1024;
/// How long a caller waits for its answer. The entries may still be stored afterwards; asking again finds out.
const PATIENCE: Duration = Duration::from_secs(10);

/// What callers send to the writer task.
enum Command {
    Append(Box<Append>, oneshot::Sender<Result<Result<Vec<Row>, NotStored>, StoreError>>),
    KeepCheckpoint(KeyId, Vec<u8>),
    UseKey(KeyId, oneshot::Sender<Result<(), StoreError>>),
    Check(oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<()>),
}

/// What the writer task works with.
pub(super) struct Setup {
    pub(super) path: PathBuf,
    pub(super) sealer: Sealer,
    pub(super) companion: Option<Arc<dyn Companion>>,
    pub(super) tables: Tables,
}

/// The callers' end of the writer task.
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the task on a connection that is open.
    pub(super) fn start(setup: Setup, connection: SqliteConnection) -> Self {
        let (commands, waiting) = mpsc::channel(MAX_WAITING);
        let connection = FileId::of(&setup.path).ok().map(|file| (file, connection));
        tokio::spawn(Task { setup, connection, is_failing: false }.run(waiting));
        Writer { commands }
    }

    pub(super) async fn append(&self, append: Append) -> Result<Result<Vec<Row>, NotStored>, StoreError> {
        self.ask(|reply| Command::Append(Box::new(append), reply)).await?
    }

    /// Under load it is let go: entries come first.
    pub(super) fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>) {
        if self.commands.capacity() > MAX_WAITING / 2 {
            let _ = self.commands.try_send(Command::KeepCheckpoint(chain, bytes));
        }
    }

    pub(super) async fn use_key(&self, key: KeyId) -> Result<(), StoreError> {
        self.ask(|reply| Command::UseKey(key, reply)).await?
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.ask(Command::Check).await?
    }

    pub(super) async fn close(&self) {
        // An error means that the task is gone, which is what was asked for.
        let _ = self.ask(Command::Close).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(command(reply))
            .map_err(|_| StoreError::Unavailable("too many changes are waiting".to_owned()))?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(StoreError::Unavailable("the writer stopped".to_owned())),
            Err(_) => Err(StoreError::Unavailable("the writer did not answer in time".to_owned())),
        }
    }
}

struct Task {
    setup: Setup,
    /// The open connection and the file it is open on; none after a failure, until the next attempt.
    connection: Option<(FileId, SqliteConnection)>,
    /// Whether the last entries could not be stored. As long as that is so, a check has to write to pass.
    is_failing: bool,
}

impl Task {
    async fn run(mut self, mut waiting: mpsc::Receiver<Command>) {
        let mut commands = Vec::with_capacity(MAX_BATCH);
        while waiting.recv_many(&mut commands, MAX_BATCH).await > 0 {
            let mut batch = Batch::default();
            let mut checks = Vec::new();
            let mut closing = None;
            for command in commands.drain(..) {
                match command {
                    Command::Append(append, reply) => batch.add(*append, reply),
                    Command::KeepCheckpoint(chain, bytes) => batch.keep_checkpoint(chain, bytes),
                    Command::UseKey(key, reply) => {
                        batch.use_key(key);
                        checks.push(reply);
                    }
                    Command::Check(reply) => checks.push(reply),
                    Command::Close(reply) => closing = Some(reply),
                }
            }
            let is_idle = batch.is_empty() && checks.is_empty();
            // A check takes the write lock as an append would, so a database that others keep locked is not "ready".
            let done = if is_idle { Ok(()) } else { self.commit(&mut batch).await };
            if let Err(error) = &done {
                tracing::error!(%error, appends = batch.len(), "entries could not be stored");
                // Whatever state the connection is in, the next attempt starts with a new one.
                self.connection = None;
                self.is_failing = true;
            } else if !is_idle {
                self.is_failing = false;
            }
            for check in checks {
                let _ = check.send(done.clone());
            }
            batch.answer(&done);
            if let Some(reply) = closing {
                if let Some((_, connection)) = self.connection.take()
                    && let Err(error) = connection.close().await
                {
                    tracing::warn!(%error, "the database was not closed cleanly");
                }
                let _ = reply.send(());
                return;
            }
        }
    }

    async fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let Setup { path, sealer, companion, tables } = &self.setup;
        let file = FileId::of(path)?;
        let connection = match &mut self.connection {
            Some((opened, connection)) if *opened == file => connection,
            stale => {
                let connection = connect(path, tables.as_ref()).await?;
                &mut stale.insert((FileId::of(path)?, connection)).1
            }
        };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        batch.store(&mut transaction, sealer, companion.as_deref()).await?;
        if self.is_failing {
            super::batch::write_something(&mut transaction).await?;
        }
        transaction.commit().await.map_err(unavailable)
    }
}
