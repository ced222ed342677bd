//! The one writer: it takes whatever is waiting, decides all of it in one transaction, and answers after COMMIT. Under
//! load many registrations share one sync of the disk; alone, one waits for nobody.

use std::path::PathBuf;
use std::time::Duration;

use kez_core::{Claim, Timestamp};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::follow::{Follow, Step};
use super::{connect, unavailable};
use crate::StoreError;
use crate::handles::{Changed, Policy, Refusal, Registered, Row, Taken};
use crate::sqlite::file::FileId;

/// Most changes that share a transaction: enough to hide a slow disk's sync, few enough to answer soon.
const MAX_BATCH: usize = 256;
/// Most changes that may wait; beyond it the server is overloaded and says so at once.
const MAX_WAITING: usize = 1024;
/// How long a caller waits for its answer. The change may still happen afterwards; asking again finds out.
const PATIENCE: Duration = Duration::from_secs(6);

type Reply<T> = oneshot::Sender<Result<Result<T, Refusal>, StoreError>>;

/// What callers send to the writer task.
pub(super) enum Command {
    Register(Claim, Timestamp, Reply<Registered>),
    Release(Claim, Timestamp, Reply<Row>),
    Follow(Follow),
    Check(oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The callers' end of the writer task.
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the task on a connection that is open.
    pub(super) fn start(path: PathBuf, connection: SqliteConnection, policy: Policy, changed: Changed) -> Self {
        let (commands, waiting) = mpsc::channel(MAX_WAITING);
        let file = FileId::of(&path).ok();
        let connection = file.map(|file| (file, connection));
        let task = Task { path, policy, changed, connection, pruned_at: None, is_failing: false };
        tokio::spawn(task.run(waiting));
        Writer { commands }
    }

    pub(super) async fn register(
        &self,
        claim: Claim,
        now: Timestamp,
    ) -> Result<Result<Registered, Refusal>, StoreError> {
        self.ask(|reply| Command::Register(claim, now, reply)).await?
    }

    pub(super) async fn release(&self, claim: Claim, now: Timestamp) -> Result<Result<Row, Refusal>, StoreError> {
        self.ask(|reply| Command::Release(claim, now, reply)).await?
    }

    pub(super) async fn follow(&self, step: Step) -> Result<Vec<Taken>, StoreError> {
        self.ask(|reply| Command::Follow(Follow::new(step, reply))).await?
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
    path: PathBuf,
    policy: Policy,
    changed: Changed,
    /// The open connection and the file it is open on; none after a failure, until the next attempt.
    connection: Option<(FileId, SqliteConnection)>,
    pruned_at: Option<Timestamp>,
    /// Whether the last changes could not be stored. As long as that is so, a check has to write to pass.
    is_failing: bool,
}

impl Task {
    async fn run(mut self, mut waiting: mpsc::Receiver<Command>) {
        let mut commands = Vec::with_capacity(MAX_BATCH);
        while waiting.recv_many(&mut commands, MAX_BATCH).await > 0 {
            let mut batch = Batch::default();
            let mut follows = Vec::new();
            let mut checks = Vec::new();
            let mut closing = None;
            for command in commands.drain(..) {
                match command {
                    Command::Register(claim, now, reply) => batch.add_registration(claim, now, reply),
                    Command::Release(claim, now, reply) => batch.add_release(claim, now, reply),
                    Command::Follow(follow) => follows.push(follow),
                    Command::Check(reply) => checks.push(reply),
                    Command::Close(reply) => closing = Some(reply),
                }
            }
            // A check takes the write lock as a change would, so a database that others keep locked is not "ready".
            let is_idle = batch.is_empty() && follows.is_empty() && checks.is_empty();
            let done = if is_idle { Ok(()) } else { self.commit(&mut batch, &mut follows).await };
            if let Err(error) = &done {
                tracing::error!(%error, changes = batch.len(), "changes could not be stored");
                // Whatever state the connection is in, the next attempt starts with a new one.
                self.connection = None;
                self.is_failing = true;
            } else if !is_idle {
                self.is_failing = false;
            }
            // Also after a failure: a commit that was reported as failed may have reached the disk.
            batch.tell(&self.changed);
            follows.into_iter().for_each(|follow| follow.answer(&done));
            for check in checks {
                let _ = check.send(done.clone());
            }
            batch.answer(done);
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

    async fn commit(&mut self, batch: &mut Batch, follows: &mut [Follow]) -> Result<(), StoreError> {
        let file = FileId::of(&self.path)?;
        let connection = match &mut self.connection {
            Some((opened, connection)) if *opened == file => connection,
            stale => {
                let connection = connect(&self.path).await?;
                &mut stale.insert((FileId::of(&self.path)?, connection)).1
            }
        };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        batch.decide(&mut transaction, &self.policy).await?;
        for follow in follows {
            follow.write(&mut transaction, &self.policy.server, &self.changed).await?;
        }
        if self.is_failing {
            super::batch::write_something(&mut transaction).await?;
        }
        if let Some(now) = batch.due_to_prune(self.pruned_at) {
            super::batch::prune(&mut transaction, now).await?;
            self.pruned_at = Some(now);
        }
        transaction.commit().await.map_err(unavailable)
    }
}
