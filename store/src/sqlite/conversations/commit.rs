//! Commits, a group at a time: load where their conversations stand, decide one after the other in memory, write those that are
//! the first of their epoch.

mod memory;

use kez_core::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use self::memory::Memory;
use super::Committing;
use super::head::number;
use crate::StoreError;
use crate::conversations::{Commit, Committed};
use crate::handles::Policy;
use crate::sqlite::failed;
use crate::sqlite::pieces::pieces;

/// Decides every commit in the order of arrival and writes what follows, without committing.
pub(in crate::sqlite) async fn add(
    db: &mut SqliteConnection,
    commits: &mut [Committing],
    policy: &Policy,
) -> Result<(), StoreError> {
    let mut memory = Memory::load(db, commits, &policy.conversations).await?;
    let mut added = Vec::new();
    for Committing { envelope: commit, now, answer } in commits.iter_mut() {
        let decided = memory.decide(commit, *now, &policy.conversations);
        if let (Ok(Committed { is_new: true, .. }), Some(conversation)) = (decided, memory.number(commit)) {
            added.push((conversation, &*commit, *now));
        }
        answer.put(Ok(decided));
    }
    write(db, &added).await?;
    memory.write(db).await
}

async fn write(db: &mut SqliteConnection, added: &[(i64, &Commit, Timestamp)]) -> Result<(), StoreError> {
    for added in pieces(added, 6) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO commits (conversation, epoch, received_at, hash, next_gate, bytes) ",
        );
        query.push_values(added, |mut tuple, (conversation, commit, now)| {
            tuple.push_bind(*conversation).push_bind(number(commit.epoch)).push_bind(now.unix());
            tuple.push_bind(commit.hash.as_bytes().to_vec()).push_bind(commit.next_gate.to_vec());
            tuple.push_bind(commit.bytes.clone());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}
