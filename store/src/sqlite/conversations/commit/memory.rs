//! What is stored, as far as a group of commits touches it, and what the group makes of it.

use std::collections::{HashMap, HashSet};

use kez_core::{Hash, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::StoreError;
use crate::conversations::{Commit, CommitRefusal, Committed, ConversationId, Limits};
use crate::decide::conversations::{self as decide, CommitView};
use crate::sqlite::conversations::Committing;
use crate::sqlite::conversations::head::{self, Row, bytes, number, unsigned};
use crate::sqlite::failed;
use crate::sqlite::pieces::{pieces, push_blobs};

/// What is stored, as far as a group of commits touches it, and what the group makes of it.
#[derive(Default)]
pub(super) struct Memory {
    conversations: HashMap<ConversationId, Row>,
    /// The epochs that those of the commits ended that are in the log.
    known: HashMap<(ConversationId, Hash), u64>,
    /// When commits were accepted that the next ones are paced by.
    accepted_at: HashMap<(ConversationId, u64), Timestamp>,
    /// Bytes that are kept for each starter, and how many are new.
    starters: HashMap<KeyId, u64>,
    added: HashMap<KeyId, i64>,
    changed: HashSet<ConversationId>,
}

impl Memory {
    pub(super) async fn load(
        db: &mut SqliteConnection,
        commits: &[Committing],
        limits: &Limits,
    ) -> Result<Memory, StoreError> {
        let ids: HashSet<ConversationId> = commits.iter().map(|one| one.envelope.conversation).collect();
        let rows = head::find(db, ids.iter()).await?;
        let mut memory =
            Memory { conversations: rows.into_iter().map(|row| (row.id, row)).collect(), ..Memory::default() };
        memory.load_known(db, commits).await?;
        // Whoever comes to the wrong epoch, or does not know its gate, is not worth another question.
        let mut next: HashMap<ConversationId, u64> = HashMap::new();
        for commit in commits.iter().map(|one| &one.envelope) {
            let Some(row) = memory.conversations.get(&commit.conversation) else { continue };
            if commit.epoch == row.head.epoch && commit.gate_hash == row.head.gate
                || commit.epoch > row.head.epoch && next.contains_key(&commit.conversation)
            {
                *next.entry(commit.conversation).or_default() += 1;
            }
        }
        memory.load_paces(db, &next, limits).await?;
        memory.load_starters(db, next.keys()).await?;
        Ok(memory)
    }

    /// The number of a commit's conversation.
    pub(super) fn number(&self, commit: &Commit) -> Option<i64> {
        self.conversations.get(&commit.conversation).map(|row| row.number)
    }

    /// What becomes of a commit, which the next one finds in the log.
    pub(super) fn decide(
        &mut self,
        commit: &Commit,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Committed, CommitRefusal> {
        let id = commit.conversation;
        let row = self.conversations.get_mut(&id);
        let pace =
            |row: &Row| self.accepted_at.get(&(id, row.head.epoch.checked_sub(limits.commits_per_hour)?)).copied();
        let view = CommitView {
            head: row.as_deref().map(|row| &row.head),
            known: self.known.get(&(id, commit.hash)).copied(),
            paced_by: row.as_deref().and_then(pace),
            starter_bytes: row.as_deref().and_then(|row| self.starters.get(&row.beginning.from)).copied().unwrap_or(0),
        };
        let decided = decide::commit(&view, commit, now, limits);
        if let (Ok(Committed { is_new: true, .. }), Some(row)) = (decided, row) {
            let starter = row.beginning.from;
            row.head.add(commit, now);
            self.known.insert((id, commit.hash), commit.epoch);
            self.accepted_at.insert((id, commit.epoch), now);
            *self.starters.entry(starter).or_default() += commit.bytes.len() as u64;
            *self.added.entry(starter).or_default() += number(commit.bytes.len() as u64);
            self.changed.insert(id);
        }
        decided
    }

    /// Writes where the conversations stand.
    pub(super) async fn write(self, db: &mut SqliteConnection) -> Result<(), StoreError> {
        let changed = self.changed.iter().filter_map(|id| self.conversations.get(id));
        let heads: Vec<_> = changed.map(|row| (row.number, &row.head)).collect();
        head::write(db, &heads).await?;
        head::charge(db, &self.added.into_iter().collect::<Vec<_>>()).await
    }

    async fn load_known(&mut self, db: &mut SqliteConnection, commits: &[Committing]) -> Result<(), StoreError> {
        let numbers: HashMap<i64, ConversationId> =
            self.conversations.values().map(|row| (row.number, row.id)).collect();
        let wanted = commits.iter().filter_map(|one| Some((self.number(&one.envelope)?, one.envelope.hash)));
        let wanted: Vec<(i64, Hash)> = wanted.collect();
        for wanted in pieces(&wanted, 2) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT c.conversation, c.hash, c.epoch FROM (");
            query.push_values(wanted, |mut tuple, (conversation, hash)| {
                tuple.push_bind(*conversation).push_bind(hash.as_bytes().to_vec());
            });
            query.push(") w CROSS JOIN commits c ON c.conversation = w.column1 AND c.hash = w.column2");
            let found: Vec<(i64, Vec<u8>, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
            for (conversation, hash, epoch) in found {
                let id = *numbers.get(&conversation).ok_or_else(head::corrupt)?;
                self.known.insert((id, Hash::from_bytes(bytes(&hash)?)), unsigned(epoch)?);
            }
        }
        Ok(())
    }

    /// Of each of these conversations, when the commits were accepted that are so many before the next ones that they pace
    /// them.
    async fn load_paces(
        &mut self,
        db: &mut SqliteConnection,
        next: &HashMap<ConversationId, u64>,
        limits: &Limits,
    ) -> Result<(), StoreError> {
        let wanted = next.iter().filter_map(|(id, count)| {
            let row = self.conversations.get(id)?;
            let first = number(row.head.epoch) - number(limits.commits_per_hour);
            Some((row.number, *id, first, first + number(*count)))
        });
        let wanted: Vec<(i64, ConversationId, i64, i64)> = wanted.filter(|(.., end)| *end > 0).collect();
        let ids: HashMap<i64, ConversationId> = wanted.iter().map(|(number, id, ..)| (*number, *id)).collect();
        for wanted in pieces(&wanted, 3) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT c.conversation, c.epoch, c.received_at FROM (");
            query.push_values(wanted, |mut tuple, (conversation, _, first, end)| {
                tuple.push_bind(*conversation).push_bind(*first).push_bind(*end);
            });
            query.push(
                ") w CROSS JOIN commits c ON c.conversation = w.column1 AND c.epoch >= w.column2 AND c.epoch < w.column3",
            );
            let found: Vec<(i64, i64, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
            for (conversation, epoch, at) in found {
                let id = *ids.get(&conversation).ok_or_else(head::corrupt)?;
                self.accepted_at.insert((id, unsigned(epoch)?), Timestamp::from_unix(at));
            }
        }
        Ok(())
    }

    async fn load_starters(
        &mut self,
        db: &mut SqliteConnection,
        conversations: impl Iterator<Item = &ConversationId>,
    ) -> Result<(), StoreError> {
        let rows = conversations.filter_map(|id| self.conversations.get(id));
        let starters: HashSet<KeyId> = rows.map(|row| row.beginning.from).collect();
        if starters.is_empty() {
            return Ok(());
        }
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT starter, log_bytes FROM conversation_starters WHERE starter IN (");
        push_blobs(&mut query, starters.iter().map(|starter| starter.as_bytes().as_slice()));
        query.push(")");
        let found: Vec<(Vec<u8>, i64)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
        for (starter, kept) in found {
            self.starters.insert(KeyId::ed25519(bytes(&starter)?), u64::try_from(kept).unwrap_or(0));
        }
        Ok(())
    }
}
