//! Reading a log, as it stands at one moment.

use kez_core::Timestamp;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnection;

use super::head::{bytes, find, number, unsigned};
use crate::StoreError;
use crate::conversations::{ConversationId, Entry, Log, Part};
use crate::sqlite::failed;

/// A part of a log; none where nobody started the conversation.
pub(super) async fn read(
    readers: &SqlitePool,
    conversation: &ConversationId,
    part: Part,
) -> Result<Option<Log>, StoreError> {
    // One transaction, so that the log does not go on between the questions.
    let mut db = readers.begin().await.map_err(failed)?;
    let log = within(&mut db, conversation, part).await;
    db.rollback().await.map_err(failed)?;
    log
}

/// As [`read`], in a transaction that began.
pub(super) async fn within(
    db: &mut SqliteConnection,
    conversation: &ConversationId,
    part: Part,
) -> Result<Option<Log>, StoreError> {
    let Some(row) = find(db, std::iter::once(conversation)).await?.pop() else { return Ok(None) };
    let entries = match last(db, row.number, part).await? {
        Some(last) => entries(db, row.number, part.after, last).await?,
        None => Vec::new(),
    };
    let (head, started_at) = (row.head, row.started_at);
    let (epoch, gate, oldest, oldest_gate) = (head.epoch, head.gate, head.oldest, head.oldest_gate);
    Ok(Some(Log { entries, epoch, gate, oldest, oldest_gate, started_at }))
}

/// The epoch of the last commit that there is room for; none where there are no commits.
async fn last(db: &mut SqliteConnection, conversation: i64, part: Part) -> Result<Option<i64>, StoreError> {
    let query = "SELECT epoch, length(bytes) FROM commits WHERE conversation = ? AND epoch > ? ORDER BY epoch LIMIT ?";
    let query = sqlx::query_as(query).bind(conversation).bind(number(part.after)).bind(number(part.limit));
    let lengths: Vec<(i64, i64)> = query.fetch_all(db).await.map_err(failed)?;
    let (mut last, mut room) = (None, part.bytes);
    for (epoch, length) in lengths {
        let needed = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(Part::AROUND);
        match room.checked_sub(needed) {
            Some(left) => room = left,
            None if last.is_none() => room = 0,
            None => break,
        }
        last = Some(epoch);
    }
    Ok(last)
}

async fn entries(
    db: &mut SqliteConnection,
    conversation: i64,
    after: u64,
    last: i64,
) -> Result<Vec<Entry>, StoreError> {
    let query = "SELECT epoch, bytes, next_gate, received_at FROM commits \
                 WHERE conversation = ? AND epoch > ? AND epoch <= ? ORDER BY epoch";
    let query = sqlx::query_as(query).bind(conversation).bind(number(after)).bind(last);
    let found: Vec<(i64, Vec<u8>, Vec<u8>, i64)> = query.fetch_all(db).await.map_err(failed)?;
    let entry = |(epoch, commit, next_gate, at): (i64, Vec<u8>, Vec<u8>, i64)| {
        let (epoch, received_at) = (unsigned(epoch)?, Timestamp::from_unix(at));
        Ok(Entry { epoch, bytes: commit, next_gate: bytes(&next_gate)?, received_at })
    };
    found.into_iter().map(entry).collect()
}
