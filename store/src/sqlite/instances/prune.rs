//! What nobody needs any more goes, a little at a time: others wait for the writer meanwhile.

use kez_core::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::StoreError;
use crate::decide::recent::DAY;
use crate::sqlite::failed;

/// Rows that one look takes away of each table at most.
const MAX_ROWS: i64 = 512;

/// Deletes what is over; says whether there may be more of it. What is of a day that is still to come was written by a clock
/// that was wrong, and goes as well.
pub(in crate::sqlite) async fn prune(db: &mut SqliteConnection, now: Timestamp) -> Result<bool, StoreError> {
    let mut is_more = false;
    for sql in [
        "DELETE FROM chat_instance_envelopes WHERE id IN (SELECT id FROM chat_instance_envelopes WHERE forget_after < ?1 OR forget_after > ?3 LIMIT ?2)",
        "DELETE FROM followed_instances WHERE (device, instance) IN (SELECT device, instance FROM followed_instances WHERE forget_after < ?1 OR forget_after > ?3 LIMIT ?2)",
    ] {
        let query = sqlx::query(sql).bind(now.unix()).bind(MAX_ROWS).bind(now.unix() + DAY);
        let gone = query.execute(&mut *db).await.map_err(failed)?.rows_affected();
        is_more |= gone >= MAX_ROWS.unsigned_abs();
    }
    Ok(is_more)
}
