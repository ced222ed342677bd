//! The order of conversations' commits: the protocol's checks before the store. What is in a commit, nobody here knows, and a
//! conversation's id is told to nobody: not to the log, not to metrics.

use std::sync::Arc;

use kez_core::commit_order::{LogPart, NewCommit};
use kez_core::{Admission, ServerName};
use kez_http::client::Client;
use kez_http::limit::{InFlight, Permit};
use kez_store::conversations::{Commit, CommitRefusal, Committed, ConversationId, Log, Part, Started};

use crate::clock::Clock;
use crate::refused::Refused;

/// How many conversations are started, how much is kept of them, and how much is sent of it at a time.
#[derive(Clone, Debug)]
pub struct ConversationLimits {
    /// What is counted in the database.
    pub stored: kez_store::conversations::Limits,
    /// Commits at once, of everybody: each takes some hundred kilobytes while it is read.
    pub at_once: usize,
    /// Those of one line: an IPv4 address or a /64, of which a /56 and a /48 have two and four times as many.
    pub at_once_each: usize,
    /// Large answers at once, until they are sent: each takes a megabyte.
    pub logs_at_once: usize,
    /// Those of one line.
    pub logs_at_once_each: usize,
}

impl Default for ConversationLimits {
    fn default() -> Self {
        ConversationLimits {
            stored: kez_store::conversations::Limits::default(),
            at_once: 1_024,
            at_once_each: 64,
            logs_at_once: 256,
            logs_at_once_each: 16,
        }
    }
}

/// Largest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// What of it is not commits, at most.
const AROUND: usize = 1_024;

/// The conversations of one server.
pub(crate) struct Conversations {
    store: Arc<dyn kez_store::conversations::Conversations>,
    clock: Arc<dyn Clock>,
    server: ServerName,
    commits: Arc<InFlight>,
    logs: Arc<InFlight>,
}

impl Conversations {
    /// Those of a store, which keeps `limits.stored`.
    pub(crate) fn new(
        store: Arc<dyn kez_store::conversations::Conversations>,
        clock: Arc<dyn Clock>,
        server: ServerName,
        limits: &ConversationLimits,
    ) -> Self {
        let commits = InFlight::new(limits.at_once, limits.at_once_each);
        let logs = InFlight::new(limits.logs_at_once, limits.logs_at_once_each);
        Conversations { store, clock, server, commits, logs }
    }

    /// A permit for a commit, to be had before anything of it is read and until it is answered.
    ///
    /// # Errors
    /// That too many are in flight.
    pub(crate) fn permit(&self, client: Client) -> Result<Permit, Refused> {
        Ok(self.commits.take(client)?)
    }

    /// A permit for a large answer, until it is sent.
    ///
    /// # Errors
    /// That too many are in flight.
    pub(crate) fn permit_log(&self, client: Client) -> Result<Permit, Refused> {
        Ok(self.logs.take(client)?)
    }

    /// Starts a conversation as a signed envelope says; gives its id too.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub(crate) async fn start(&self, envelope: &[u8]) -> Result<(ConversationId, Started), Refused> {
        let now = self.clock.now();
        let start = Admission { server: &self.server, now }.conversation_start(envelope)?;
        let conversation = start.conversation;
        let started = self.store.start_conversation(start, now).await??;
        if started.is_new {
            metrics::counter!("conversations_started_total").increment(1);
        }
        Ok((conversation, started))
    }

    /// Adds a commit to its conversation's log, if it is the first one of its epoch.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub(crate) async fn commit(&self, request: &[u8]) -> Result<Committed, Refused> {
        let NewCommit { conversation, epoch, gate, next_gate, commit } = NewCommit::parse(request)?;
        let commit = Commit::new(conversation, epoch, &gate, next_gate, commit);
        let committed = self.store.add_commit(commit, self.clock.now()).await?;
        let answer = match &committed {
            Ok(Committed { is_new: true, .. }) => "added",
            Ok(Committed { is_new: false, .. }) => "known",
            Err(CommitRefusal::NotFound) => "not_found",
            Err(CommitRefusal::Conflict(_)) => "conflict",
            Err(CommitRefusal::NotAMember) => "not_a_member",
            Err(CommitRefusal::TooMany(_)) => "too_many",
        };
        metrics::counter!("conversation_commits_total", "answer" => answer).increment(1);
        Ok(committed?)
    }

    /// A part of a conversation's log; none where nobody started it.
    ///
    /// # Errors
    /// That the request is not of its form, or that the store is away.
    pub(crate) async fn log(&self, request: &[u8]) -> Result<Option<Log>, Refused> {
        let LogPart { conversation, after, limit } = LogPart::parse(request)?;
        // Three bytes are four characters in an answer.
        let bytes = (MAX_ANSWER_BYTES - AROUND) / 4 * 3;
        Ok(self.store.read_log(&conversation, Part { after, limit, bytes }).await?)
    }
}
