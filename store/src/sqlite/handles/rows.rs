//! Rows of handles as SQLite gives them.

use kez_core::{ChainStanding, Hash, ServerName, Timestamp};

use crate::StoreError;
use crate::decide::chains::is_in_use;
use crate::handles::{Release, Row};

/// A query for rows, in the order of [`StoredRow`]; `h` is the handle's row, `c` its chain's.
macro_rules! select_rows {
    ($rest:literal) => {
        concat!(
            "SELECT h.handle, h.primary_key, h.registered_at, h.registration, h.released_at, h.release, h.chain, \
             c.primary_key, c.head, c.active, c.home FROM handles h LEFT JOIN chains c ON c.chain = h.chain ",
            $rest
        )
    };
}
pub(super) use select_rows;

/// A handle of the key's own goes before one that it is a device of. One condition with OR would look at every handle.
pub(super) const BY_KEY: &str = select_rows!(
    "WHERE h.handle = coalesce(
       (SELECT handle FROM handles WHERE primary_key = ?1 AND released_at IS NULL),
       (SELECT owned.handle FROM chain_keys k JOIN handles owned ON owned.chain = k.chain AND owned.released_at IS NULL
        WHERE k.key = ?1 AND k.is_active LIMIT 1))"
);

/// A row as SQLite gives it: six columns of its own, its chain, and that chain's primary, head, `active` and home.
pub(super) type StoredRow = (
    String,
    String,
    i64,
    Vec<u8>,
    Option<i64>,
    Option<Vec<u8>>,
    String,
    Option<String>,
    Option<Vec<u8>>,
    Option<bool>,
    Option<String>,
);

/// Parses a row of `server`; what is stored was valid when it was written, so anything else is damage.
pub(super) fn parse(stored: StoredRow, server: &ServerName) -> Result<Row, StoreError> {
    let (handle, primary, registered_at, registration, released_at, release, chain, chain_primary, head, active, home) =
        stored;
    let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of the handle {handle:?}"));
    Ok(Row {
        primary: primary.parse().map_err(|_| corrupt("the key"))?,
        registered_at: Timestamp::from_unix(registered_at),
        registration,
        released: match (released_at, release) {
            (None, None) => None,
            (Some(at), Some(envelope)) => Some(Release { at: Timestamp::from_unix(at), envelope }),
            _ => return Err(corrupt("the release")),
        },
        standing: ChainStanding {
            chain: chain.parse().map_err(|_| corrupt("the chain"))?,
            head: head.map(|head| hash(head).ok_or_else(|| corrupt("the chain's head"))).transpose()?,
            active: active.is_none_or(|active| is_in_use(active, home.as_deref(), server)),
        },
        chain_primary: chain_primary.map(|key| key.parse().map_err(|_| corrupt("the chain's primary"))).transpose()?,
        handle: handle.parse().map_err(|_| corrupt("the spelling"))?,
    })
}

/// A stored hash.
pub(in crate::sqlite) fn hash(bytes: Vec<u8>) -> Option<Hash> {
    bytes.try_into().ok().map(Hash::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::connect::create;
    use crate::sqlite::kind::CHAT_SERVER;

    /// Logins ask for keys: however many handles there are, no question may look at all of them.
    #[tokio::test]
    async fn no_lookup_scans_a_table() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut db = create(&folder.path().join("kez.db"), &CHAT_SERVER).await.expect("a database");
        let by_chain = select_rows!("WHERE h.chain = ? AND h.released_at IS NULL");
        for query in [BY_KEY, by_chain, select_rows!("WHERE h.handle = ?")] {
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")))
                    .bind("x")
                    .fetch_all(&mut db)
                    .await
                    .expect("a plan");
            assert!(plan.iter().any(|step| step.3.contains("SEARCH")), "{plan:?}");
            assert!(!plan.iter().any(|step| step.3.contains("SCAN h") || step.3.contains("SCAN k")), "{plan:?}");
        }
    }
}
