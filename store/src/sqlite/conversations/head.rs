//! Rows of conversations.

use kez_core::{KeyId, Timestamp};
use sqlx::FromRow;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use crate::StoreError;
use crate::conversations::ConversationId;
use crate::decide::conversations::{Beginning, Head};
use crate::sqlite::failed;
use crate::sqlite::pieces::{pieces, push_blobs};

/// A conversation as SQLite gives it.
#[derive(FromRow)]
struct StoredRow {
    number: i64,
    id: Vec<u8>,
    starter: Vec<u8>,
    started_at: i64,
    first_gate: Vec<u8>,
    epoch: i64,
    gate: Vec<u8>,
    oldest: i64,
    oldest_gate: Vec<u8>,
    kept_since: Option<i64>,
    last_at: Option<i64>,
    log_bytes: i64,
    look_at: Option<i64>,
}

/// A conversation.
pub(super) struct Row {
    pub(super) number: i64,
    pub(super) id: ConversationId,
    pub(super) beginning: Beginning,
    pub(super) started_at: Timestamp,
    pub(super) head: Head,
}

/// The columns of which a [`Row`] is made.
const SELECT: &str = "SELECT number, id, starter, started_at, first_gate, epoch, gate, oldest, oldest_gate, \
                      kept_since, last_at, log_bytes, look_at FROM conversations WHERE ";

/// Those of these conversations that there are.
pub(super) async fn find(
    db: &mut SqliteConnection,
    ids: impl Iterator<Item = &ConversationId>,
) -> Result<Vec<Row>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push("id IN (");
    push_blobs(&mut query, ids.map(ConversationId::as_slice));
    query.push(")");
    rows(query.build_query_as().fetch_all(db).await.map_err(failed)?)
}

/// So many conversations of which it is time to look whether something is kept for too long, the first ones first.
pub(super) async fn due(db: &mut SqliteConnection, now: Timestamp, count: i64) -> Result<Vec<Row>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push("look_at <= ").push_bind(now.unix()).push(" ORDER BY look_at LIMIT ").push_bind(count);
    rows(query.build_query_as().fetch_all(db).await.map_err(failed)?)
}

/// Writes where these conversations stand now.
pub(super) async fn write(db: &mut SqliteConnection, rows: &[(i64, &Head)]) -> Result<(), StoreError> {
    for rows in pieces(rows, 9) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "UPDATE conversations SET epoch = w.column2, gate = w.column3, oldest = w.column4, oldest_gate = w.column5, \
             kept_since = w.column6, last_at = w.column7, log_bytes = w.column8, look_at = w.column9 FROM (",
        );
        query.push_values(rows, |mut tuple, (row, head)| {
            tuple.push_bind(*row).push_bind(number(head.epoch)).push_bind(head.gate.to_vec());
            tuple.push_bind(number(head.oldest)).push_bind(head.oldest_gate.to_vec());
            tuple.push_bind(head.kept_since.map(|at| at.unix())).push_bind(head.last_at.map(|at| at.unix()));
            tuple.push_bind(number(head.bytes)).push_bind(head.look_at.map(|at| at.unix()));
        });
        query.push(") w WHERE conversations.number = w.column1");
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

/// Adds to what is kept for each of these starters, which are different ones.
pub(super) async fn charge(db: &mut SqliteConnection, changes: &[(KeyId, i64)]) -> Result<(), StoreError> {
    for changes in pieces(changes, 2) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO conversation_starters (starter, log_bytes) ");
        query.push_values(changes, |mut tuple, (starter, bytes)| {
            tuple.push_bind(starter.as_bytes().to_vec()).push_bind(*bytes);
        });
        query.push(" ON CONFLICT (starter) DO UPDATE SET log_bytes = log_bytes + excluded.log_bytes");
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

fn rows(stored: Vec<StoredRow>) -> Result<Vec<Row>, StoreError> {
    stored.into_iter().map(parse).collect()
}

fn parse(stored: StoredRow) -> Result<Row, StoreError> {
    let time = |at: Option<i64>| at.map(Timestamp::from_unix);
    let from = KeyId::ed25519(bytes(&stored.starter)?);
    let head = Head {
        epoch: unsigned(stored.epoch)?,
        gate: bytes(&stored.gate)?,
        oldest: unsigned(stored.oldest)?,
        oldest_gate: bytes(&stored.oldest_gate)?,
        kept_since: time(stored.kept_since),
        last_at: time(stored.last_at),
        bytes: unsigned(stored.log_bytes)?,
        look_at: time(stored.look_at),
    };
    let beginning = Beginning { from, gate: bytes(&stored.first_gate)? };
    let started_at = Timestamp::from_unix(stored.started_at);
    Ok(Row { number: stored.number, id: bytes(&stored.id)?, beginning, started_at, head })
}

/// Stored bytes of a fixed length.
pub(super) fn bytes<const N: usize>(stored: &[u8]) -> Result<[u8; N], StoreError> {
    stored.try_into().map_err(|_| corrupt())
}

/// A stored number that is never negative.
pub(super) fn unsigned(stored: i64) -> Result<u64, StoreError> {
    u64::try_from(stored).map_err(|_| corrupt())
}

/// A number to be stored.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// It does not say of which conversation: nobody is to read that.
pub(super) fn corrupt() -> StoreError {
    StoreError::Corrupt("a conversation".to_owned())
}
