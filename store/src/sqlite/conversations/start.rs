//! Starts, a group at a time: load what they are about, decide one after the other in memory, write what began.

use std::collections::{HashMap, HashSet};

use kez_core::{KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::Starting;
use super::head::{bytes, find, number};
use crate::StoreError;
use crate::conversations::{ConversationId, Started};
use crate::decide::conversations::{self as decide, Beginning, Head, StartView};
use crate::decide::recent::{DAY, HOUR, Recent};
use crate::handles::Policy;
use crate::sqlite::failed;
use crate::sqlite::pieces::{pieces, push_blobs};
use crate::sqlite::standing::standings;

/// Decides every start in the order of arrival and writes what follows, without committing.
pub(in crate::sqlite) async fn start(
    db: &mut SqliteConnection,
    starts: &mut [Starting],
    policy: &Policy,
) -> Result<(), StoreError> {
    let chains = starts.iter().map(|one| one.envelope.from).collect();
    let standings = standings(db, &chains, &policy.server).await?;
    let known = find(db, starts.iter().map(|one| &one.envelope.conversation)).await?;
    let mut known: HashMap<ConversationId, Beginning> = known.into_iter().map(|row| (row.id, row.beginning)).collect();
    let mut recent = recent(db, starts).await?;
    let mut begun = Vec::new();
    for one in starts.iter_mut() {
        let start = &one.envelope;
        let starts = recent.entry(start.from).or_default();
        let view = StartView {
            is_authorised: standings.get(&start.from).is_some_and(|from| from.is_spoken_for_by(&start.signer)),
            known: known.get(&start.conversation).copied(),
            starts: *starts,
        };
        let decided = decide::start(&view, start, one.now, &policy.conversations);
        if decided == Ok(Started { is_new: true }) {
            starts.add(one.now);
            known.insert(start.conversation, Beginning { from: start.from, gate: start.gate });
            begun.push((start.conversation, start.from, one.now, Head::new(start.gate)));
        }
        one.answer.put(Ok(decided));
    }
    write(db, &begun).await
}

/// How many conversations these identities started in the last day. What is of a time that is still to come was started by a
/// clock that was wrong.
async fn recent(db: &mut SqliteConnection, starts: &[Starting]) -> Result<HashMap<KeyId, Recent>, StoreError> {
    let latest = starts.iter().map(|one| one.now.unix()).max().unwrap_or_default();
    let starters: HashSet<KeyId> = starts.iter().map(|one| one.envelope.from).collect();
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT starter, count(*), min(started_at) FROM conversations WHERE started_at > ");
    query.push_bind(latest - DAY).push(" AND started_at <= ").push_bind(latest + HOUR).push(" AND starter IN (");
    push_blobs(&mut query, starters.iter().map(|starter| starter.as_bytes().as_slice()));
    query.push(") GROUP BY starter");
    let found: Vec<(Vec<u8>, i64, i64)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
    let of = |(starter, count, first): (Vec<u8>, i64, i64)| {
        let (count, oldest) = (u64::try_from(count).unwrap_or(0), Some(Timestamp::from_unix(first)));
        Ok((KeyId::ed25519(bytes(&starter)?), Recent { count, oldest }))
    };
    found.into_iter().map(of).collect()
}

async fn write(
    db: &mut SqliteConnection,
    begun: &[(ConversationId, KeyId, Timestamp, Head)],
) -> Result<(), StoreError> {
    for begun in pieces(begun, 9) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO conversations (id, starter, started_at, first_gate, epoch, gate, oldest, oldest_gate, log_bytes) ",
        );
        query.push_values(begun, |mut tuple, (id, from, at, head)| {
            tuple.push_bind(id.to_vec()).push_bind(from.as_bytes().to_vec()).push_bind(at.unix());
            tuple.push_bind(head.gate.to_vec()).push_bind(number(head.epoch)).push_bind(head.gate.to_vec());
            tuple.push_bind(number(head.oldest)).push_bind(head.oldest_gate.to_vec()).push_bind(number(head.bytes));
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}
