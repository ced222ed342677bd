//! What is stored, as far as a group of changes touches it, and what the group makes of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use kez_core::registration::CLOCK_SKEW_SECS;
use kez_core::{Admitted, Handle, Hash, KeyId, ServerName};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::rows::{StoredRow, hash, parse, select_rows};
use super::standing::Standing;
use crate::StoreError;
use crate::decide::claims::{self, View};
use crate::handles::Row;
use crate::sqlite::failed;
use crate::sqlite::pieces::{pieces, push_texts};

/// How long an envelope is remembered once it is stale, in seconds: room for a clock that is set back.
const REMEMBER_SECS: i64 = 3_600;

/// What is stored, as far as the batch touches it, and what the batch changes.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) rows: HashMap<Handle, Row>,
    standing: Standing,
    seen: HashSet<Hash>,
    changed: BTreeSet<Handle>,
    newly_seen: Vec<(Hash, i64)>,
}

impl Memory {
    /// Everything that these claims are about.
    pub(super) async fn load(
        db: &mut SqliteConnection,
        claims: Vec<&Admitted>,
        server: &ServerName,
    ) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        let keys: Vec<KeyId> = claims.iter().map(|admitted| admitted.primary).collect();
        let handles: Vec<String> = claims.iter().map(|admitted| admitted.handle.to_string()).collect();
        for stored in rows(db, &handles, &keys).await? {
            let row = parse(stored, server)?;
            memory.rows.insert(row.handle.clone(), row);
        }
        memory.standing = Standing::load(db, &keys, memory.rows.values(), server).await?;
        memory.seen = seen(db, claims.iter().map(|admitted| admitted.id)).await?;
        Ok(memory)
    }

    /// What a claim is judged by.
    pub(super) fn view(&self, admitted: &Admitted) -> View<'_> {
        let row = self.rows.get(&admitted.handle);
        let own_chain = self.standing.own_chain(&admitted.primary);
        let resumed = claims::resumed(row, own_chain, admitted);
        View {
            row,
            live_handle_of_key: self.standing.handle_of(&admitted.primary),
            is_bound: self.standing.is_bound(&admitted.primary),
            own_chain,
            stands_elsewhere: resumed.is_some_and(|chain| self.standing.stands_elsewhere(&chain)),
            seen: self.seen.contains(&admitted.id),
        }
    }

    /// An accepted envelope, and the row that it changed, if it did.
    pub(super) fn remember(&mut self, admitted: &Admitted, row: Option<Row>) {
        if self.seen.insert(admitted.id) {
            let stale = admitted.created_at.unix() + i64::try_from(CLOCK_SKEW_SECS).unwrap_or(i64::MAX);
            self.newly_seen.push((admitted.id, stale + REMEMBER_SECS));
        }
        if let Some(row) = row {
            self.changed.insert(row.handle.clone());
            self.standing.put(&row);
            self.rows.insert(row.handle.clone(), row);
        }
    }

    /// Writes what changed; `stored` are the handles that had a row.
    pub(super) async fn write(self, db: &mut SqliteConnection, stored: &HashSet<Handle>) -> Result<(), StoreError> {
        // Old rows go first: two handles may have swapped keys within the batch, which one statement a row could not
        // write without breaking "one live handle a key" in between.
        let replaced: Vec<String> =
            self.changed.iter().filter(|handle| stored.contains(handle)).map(ToString::to_string).collect();
        for handles in pieces(&replaced, 1) {
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM handles WHERE handle IN (");
            push_texts(&mut query, handles);
            query.push(")");
            query.build().execute(&mut *db).await.map_err(failed)?;
        }
        let rows: Vec<&Row> = self.changed.iter().filter_map(|handle| self.rows.get(handle)).collect();
        for rows in pieces(&rows, 7) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO handles (handle, primary_key, registered_at, registration, released_at, release, chain) ",
            );
            query.push_values(rows, |mut tuple, row| {
                tuple
                    .push_bind(row.handle.to_string())
                    .push_bind(row.primary.to_string())
                    .push_bind(row.registered_at.unix())
                    .push_bind(row.registration.clone())
                    .push_bind(row.released.as_ref().map(|release| release.at.unix()))
                    .push_bind(row.released.as_ref().map(|release| release.envelope.clone()))
                    .push_bind(row.standing.chain.to_string());
            });
            query.build().execute(&mut *db).await.map_err(failed)?;
        }
        for envelopes in pieces(&self.newly_seen, 2) {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO seen_envelopes (id, forget_after) ");
            query.push_values(envelopes, |mut tuple, (id, forget_after)| {
                tuple.push_bind(id.as_bytes().to_vec()).push_bind(*forget_after);
            });
            query.build().execute(&mut *db).await.map_err(failed)?;
        }
        Ok(())
    }
}

/// The rows of these handles, and the live ones of these keys.
async fn rows(db: &mut SqliteConnection, handles: &[String], keys: &[KeyId]) -> Result<Vec<StoredRow>, StoreError> {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let mut query = QueryBuilder::<Sqlite>::new(select_rows!("WHERE h.handle IN ("));
    push_texts(&mut query, handles);
    query.push(concat!(") UNION ", select_rows!("WHERE h.released_at IS NULL AND h.primary_key IN (")));
    push_texts(&mut query, &keys);
    query.push(")");
    query.build_query_as().fetch_all(db).await.map_err(failed)
}

/// Which of these envelopes were accepted before.
async fn seen(db: &mut SqliteConnection, ids: impl Iterator<Item = Hash>) -> Result<HashSet<Hash>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM seen_envelopes WHERE id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.as_bytes().to_vec());
    }
    query.push(")");
    let found: Vec<Vec<u8>> = query.build_query_scalar().fetch_all(db).await.map_err(failed)?;
    let known =
        found.into_iter().map(|id| hash(id).ok_or_else(|| StoreError::Corrupt("the id of an envelope".to_owned())));
    known.collect()
}
