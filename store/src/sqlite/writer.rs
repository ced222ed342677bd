//! The one writer: it takes whatever is waiting, does all of it in one transaction, and answers after COMMIT. Under load
//! many changes share one sync of the disk; alone, one waits for nobody.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kez_core::{Admitted, KeyId, Timestamp};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::mpsc;

use super::answer::Answer;
use super::connect::connect;
use super::conversations::{Committing, Starting};
use super::failed;
use super::file::FileId;
use super::followed::Step;
use super::group::Group;
use super::instances::Beginning;
use super::key_packages::{Claiming, Uploading};
use super::kind::Kind;
use crate::StoreError;
use crate::changes::Listener;
use crate::followed::Taken;
use crate::handles::{Policy, Refusal, Registered, Row};
use crate::sigchains::{self, Append, NotStored, Signer};

/// Most changes that share a transaction: enough to hide a slow disk's sync, few enough to answer soon.
const MAX_BATCH: usize = 256;
/// Most changes that may wait; beyond it the server is overloaded and says so at once.
const MAX_WAITING: usize = 1024;
/// How long a caller waits for its answer. The change may still happen afterwards; asking again finds out.
const PATIENCE: Duration = Duration::from_secs(10);

/// What callers send to the writer task.
pub(super) enum Command {
    Register(Admitted, Timestamp, Answer<Result<Registered, Refusal>>),
    Release(Admitted, Timestamp, Answer<Result<Row, Refusal>>),
    Append(Box<Append>, Answer<Result<Vec<sigchains::Row>, NotStored>>),
    Follow(Step, Answer<Vec<Taken>>),
    PutPackages(Box<Uploading>),
    ClaimPackages(Box<Claiming>),
    StartConversation(Box<Starting>),
    AddCommit(Box<Committing>),
    PutInstance(Box<Beginning>),
    SignWith(Box<Signer>, Answer<()>),
    KeepCheckpoint(KeyId, Vec<u8>),
    Check(Answer<()>),
    Close(Answer<()>),
}

/// The callers' end of the writer task.
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the task on a connection that is open.
    pub(super) fn start(
        path: &Path,
        kind: Kind,
        connection: SqliteConnection,
        policy: Option<Policy>,
        listener: Arc<dyn Listener>,
    ) -> Self {
        let (commands, waiting) = mpsc::channel(MAX_WAITING);
        let connection = FileId::of(path).ok().map(|file| (file, connection));
        let path = path.to_owned();
        let task = Task { path, kind, policy, listener, signer: None, connection, pruned_at: None, is_failing: false };
        tokio::spawn(task.run(waiting));
        Writer { commands }
    }

    /// Nobody who writes.
    pub(super) fn none() -> Self {
        Writer { commands: mpsc::channel(1).0 }
    }

    /// What becomes of a command.
    pub(super) async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, StoreError> {
        let (answer, caller) = Answer::new();
        self.commands
            .try_send(command(answer))
            .map_err(|_| StoreError::Unavailable("too many changes are waiting".to_owned()))?;
        match tokio::time::timeout(PATIENCE, caller).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unavailable("the writer stopped".to_owned())),
            Err(_) => Err(StoreError::Unavailable("the writer did not answer in time".to_owned())),
        }
    }

    /// Under load it is let go: what somebody waits for comes first.
    pub(super) fn keep_checkpoint(&self, chain: KeyId, bytes: Vec<u8>) {
        if self.commands.capacity() > MAX_WAITING / 2 {
            let _ = self.commands.try_send(Command::KeepCheckpoint(chain, bytes));
        }
    }

    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.ask(Command::Check).await
    }

    pub(super) async fn close(&self) {
        // An error means that the task is gone, which is what was asked for.
        let _ = self.ask(Command::Close).await;
    }
}

struct Task {
    path: PathBuf,
    kind: Kind,
    /// None where sigchains are alone.
    policy: Option<Policy>,
    listener: Arc<dyn Listener>,
    signer: Option<Signer>,
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
            let mut group = Group::default();
            let mut closing = None;
            for command in commands.drain(..) {
                match command {
                    Command::Close(answer) => closing = Some(answer),
                    command => group.add(command),
                }
            }
            if !group.is_empty() {
                self.store(group).await;
            }
            if let Some(mut answer) = closing {
                if let Some((_, connection)) = self.connection.take()
                    && let Err(error) = connection.close().await
                {
                    tracing::warn!(%error, "the database was not closed cleanly");
                }
                answer.put(Ok(()));
                answer.send(&Ok(()));
                return;
            }
        }
    }

    /// Stores the group and answers. What cannot be read of one change's rows holds up no other change.
    async fn store(&mut self, mut group: Group) {
        let mut done = self.commit(&mut group).await;
        if matches!(done, Err(StoreError::Corrupt(_))) && group.len() > 1 {
            done = Ok(());
            for mut group in group.apart().filter(|group| !group.is_empty()) {
                if !matches!(done, Err(StoreError::Unavailable(_))) {
                    done = self.commit(&mut group).await;
                }
                self.settle(group, &done);
            }
            return;
        }
        self.settle(group, &done);
    }

    fn settle(&mut self, group: Group, done: &Result<(), StoreError>) {
        match done {
            Ok(()) => self.is_failing = false,
            Err(error) => {
                tracing::error!(%error, changes = group.len(), "changes could not be stored");
                // Whatever state the connection is in, the next attempt starts with a new one.
                self.connection = None;
                self.is_failing |= matches!(error, StoreError::Unavailable(_));
            }
        }
        if let Some(signer) = group.answer(done, &*self.listener) {
            self.signer = Some(signer);
        }
    }

    async fn commit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        let file = FileId::of(&self.path)?;
        let connection = match &mut self.connection {
            Some((opened, connection)) if *opened == file => connection,
            stale => {
                let connection = connect(&self.path, &self.kind).await?;
                &mut stale.insert((FileId::of(&self.path)?, connection)).1
            }
        };
        // It takes the write lock also for a check, so a database that others keep locked is not "ready".
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        group.store(&mut transaction, self.signer.as_ref(), self.policy.as_ref()).await?;
        if self.is_failing {
            write_something(&mut transaction, self.policy.is_some()).await?;
        }
        if let Some(now) = group.due_to_prune(self.pruned_at) {
            super::handles::prune(&mut transaction, now).await?;
            let mut is_more = false;
            if self.policy.is_some() {
                is_more |= super::key_packages::prune(&mut transaction, now).await?;
                is_more |= super::conversations::prune(&mut transaction, now).await?;
                is_more |= super::instances::prune(&mut transaction, now).await?;
            }
            self.pruned_at = (!is_more).then_some(now);
        }
        transaction.commit().await.map_err(failed)
    }
}

/// Writes to the disk what means nothing, into a table of each kind: whoever can do this can store something.
async fn write_something(db: &mut SqliteConnection, has_handles: bool) -> Result<(), StoreError> {
    // An envelope that is forgotten since 1970, and that no hash will ever equal.
    let envelope = "INSERT OR REPLACE INTO seen_envelopes (id, forget_after) VALUES (zeroblob(32), 0)";
    let same = "UPDATE limited_since SET log_index = log_index";
    for sql in has_handles.then_some(envelope).into_iter().chain([same]) {
        sqlx::query(sql).execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}
