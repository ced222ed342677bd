//! Conversations: where each stands, and the log of its commits.

mod commit;
mod head;
mod log;
#[cfg(test)]
mod plans;
mod prune;
mod start;

use async_trait::async_trait;
use kez_core::Timestamp;
use kez_core::conversation_start::AdmittedStart;

use super::SqliteStore;
use super::asked::Asked;
use super::writer::Command;
use crate::StoreError;
use crate::conversations::{
    Commit, CommitRefusal, Committed, ConversationId, Conversations, Log, Part, StartRefusal, Started,
};

pub(super) use commit::add;
pub(super) use prune::prune;
pub(super) use start::start;

/// A conversation that somebody starts.
pub(super) type Starting = Asked<AdmittedStart, Started, StartRefusal>;
/// A commit that somebody makes.
pub(super) type Committing = Asked<Commit, Committed, CommitRefusal>;

#[async_trait]
impl Conversations for SqliteStore {
    async fn start_conversation(
        &self,
        start: AdmittedStart,
        now: Timestamp,
    ) -> Result<Result<Started, StartRefusal>, StoreError> {
        self.writer.ask(|answer| Command::StartConversation(Box::new(Starting::new(start, now, answer)))).await
    }

    async fn add_commit(&self, commit: Commit, now: Timestamp) -> Result<Result<Committed, CommitRefusal>, StoreError> {
        self.writer.ask(|answer| Command::AddCommit(Box::new(Committing::new(commit, now, answer)))).await
    }

    async fn read_log(&self, conversation: &ConversationId, part: Part) -> Result<Option<Log>, StoreError> {
        log::read(&self.handles()?.0, conversation, part).await
    }
}
