//! What nobody needs any more goes, a little at a time: others wait for the writer meanwhile.

use kez_core::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::StoreError;
use crate::decide::key_packages::KEPT;
use crate::decide::recent::{DAY, HOUR};
use crate::sqlite::failed;

/// Rows that one look takes away of each table at most.
const MAX_ROWS: i64 = 512;

/// Deletes what is over; says whether there may be more of it. Rows that are numbered in the order in which they came end in
/// that order too, so the first ones are looked at and no index is needed. What is of a day that is still to come was written
/// by a clock that was wrong: it goes as well, or it would count for as long as the clock was ahead, and hold up the rest.
pub(in crate::sqlite) async fn prune(db: &mut SqliteConnection, now: Timestamp) -> Result<bool, StoreError> {
    let mut is_more = false;
    for (sql, end) in [
        (
            "DELETE FROM key_packages WHERE number IN (SELECT number FROM key_packages ORDER BY number LIMIT ?2) AND (put_at < ?1 OR put_at > ?3)",
            KEPT,
        ),
        (
            "DELETE FROM last_resort_packages WHERE rowid IN (SELECT rowid FROM last_resort_packages WHERE put_at < ?1 OR put_at > ?3 LIMIT ?2)",
            KEPT,
        ),
        (
            "DELETE FROM key_package_uploads WHERE id IN (SELECT id FROM key_package_uploads WHERE forget_after < ?1 OR forget_after > ?3 LIMIT ?2)",
            0,
        ),
        (
            "DELETE FROM key_package_claims WHERE number IN (SELECT number FROM key_package_claims ORDER BY number LIMIT ?2) AND (at <= ?1 OR at > ?3)",
            HOUR,
        ),
        (
            "DELETE FROM key_package_answers WHERE number IN (SELECT number FROM key_package_answers ORDER BY number LIMIT ?2) AND (forget_after < ?1 OR forget_after > ?3)",
            0,
        ),
        (
            "DELETE FROM key_package_draws WHERE number IN (SELECT number FROM key_package_draws ORDER BY number LIMIT ?2) AND (at <= ?1 OR at > ?3)",
            DAY,
        ),
    ] {
        let query = sqlx::query(sql).bind(now.unix() - end).bind(MAX_ROWS).bind(now.unix() + DAY);
        let gone = query.execute(&mut *db).await.map_err(failed)?.rows_affected();
        is_more |= gone >= MAX_ROWS.unsigned_abs();
    }
    Ok(is_more)
}
