//! Commits that are not kept any more go, a little at a time: others wait for the writer meanwhile.

use kez_core::Timestamp;
use sqlx::sqlite::SqliteConnection;

use super::head::{self, Row, bytes, number, unsigned};
use crate::StoreError;
use crate::sqlite::failed;

/// Conversations that one look is about at most.
const MAX_CONVERSATIONS: i64 = 64;
/// Commits that it deletes at most.
const MAX_COMMITS: usize = 128;

/// Deletes commits that are not to be kept; says whether there may be more of them.
pub(in crate::sqlite) async fn prune(db: &mut SqliteConnection, now: Timestamp) -> Result<bool, StoreError> {
    let mut rows = head::due(db, now, MAX_CONVERSATIONS).await?;
    let mut is_more = rows.len() >= usize::try_from(MAX_CONVERSATIONS).unwrap_or(usize::MAX);
    let mut left = MAX_COMMITS;
    for row in &mut rows {
        let (deleted, is_done) = shorten(db, row, now, left).await?;
        left -= deleted;
        is_more |= !is_done;
    }
    let heads: Vec<_> = rows.iter().map(|row| (row.number, &row.head)).collect();
    head::write(db, &heads).await?;
    Ok(is_more)
}

/// Deletes what is over of one conversation, so many commits at most; says how many it were and whether those were all.
async fn shorten(
    db: &mut SqliteConnection,
    row: &mut Row,
    now: Timestamp,
    most: usize,
) -> Result<(usize, bool), StoreError> {
    let query = "SELECT epoch, received_at, next_gate, length(bytes) FROM commits \
                 WHERE conversation = ? AND epoch >= ? ORDER BY epoch LIMIT ?";
    let query = sqlx::query_as(query).bind(row.number).bind(number(row.head.oldest)).bind(number(most as u64 + 1));
    let kept: Vec<(i64, i64, Vec<u8>, i64)> = query.fetch_all(&mut *db).await.map_err(failed)?;
    let (mut deleted, mut freed) = (0, 0);
    let mut is_done = true;
    let mut kept_since = None;
    for (epoch, at, next_gate, length) in kept {
        let (epoch, at) = (unsigned(epoch)?, Timestamp::from_unix(at));
        let is_over = row.head.is_over(epoch, at, now);
        if !is_over || deleted == most {
            kept_since = Some(at);
            is_done = !is_over;
            break;
        }
        deleted += 1;
        freed += length;
        (row.head.oldest, row.head.oldest_gate) = (epoch + 1, bytes(&next_gate)?);
    }
    row.head.kept_since = kept_since;
    row.head.last_at = row.head.last_at.filter(|_| kept_since.is_some());
    row.head.bytes = row.head.bytes.saturating_sub(unsigned(freed)?);
    row.head.look_at = row.head.due();
    if deleted > 0 {
        let query = sqlx::query("DELETE FROM commits WHERE conversation = ? AND epoch < ?");
        query.bind(row.number).bind(number(row.head.oldest)).execute(&mut *db).await.map_err(failed)?;
        head::charge(db, &[(row.beginning.from, -freed)]).await?;
    }
    Ok((deleted, is_done))
}
