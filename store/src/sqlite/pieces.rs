//! Statements of a bounded size. SQLite takes 32,766 values in one, and no chain says how many keys or claims it has.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, QueryBuilder, Sqlite};

/// Values that one statement is given in lists and rows; the rest is for what stands around them.
const VALUES: usize = 30_000;

/// `all` in pieces, each of which fits into a statement that is given `each` values for every one of them.
pub(super) fn pieces<T>(all: &[T], each: usize) -> std::slice::Chunks<'_, T> {
    all.chunks(VALUES / each)
}

/// The rows of `select`, which ends in `IN (`, for all of `values`, and for none when there are no values.
pub(super) async fn select_in<T>(
    db: &mut SqliteConnection,
    select: &str,
    values: &[String],
) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let mut found = Vec::new();
    for values in pieces(values, 1) {
        let mut query = QueryBuilder::<Sqlite>::new(select);
        push_texts(&mut query, values);
        query.push(")");
        found.extend(query.build_query_as().fetch_all(&mut *db).await?);
    }
    Ok(found)
}

/// Values for a list, with commas between them.
pub(super) fn push_texts(query: &mut QueryBuilder<Sqlite>, texts: &[String]) {
    let mut list = query.separated(", ");
    for text in texts {
        list.push_bind(text.clone());
    }
}

/// The same of bytes.
pub(super) fn push_blobs<'a>(query: &mut QueryBuilder<Sqlite>, blobs: impl Iterator<Item = &'a [u8]>) {
    let mut list = query.separated(", ");
    for blob in blobs {
        list.push_bind(blob.to_vec());
    }
}
