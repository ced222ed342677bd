//! The registry's side of a chain that changes: in the transaction that stores the event, the handle follows the chain's
//! primary, and no key comes to stand for two identities.
//!
//! What comes of one event costs as much as the event changes, not as much as the chain is long.

use std::collections::HashSet;

use kez_core::sigchain::{Reason, Summary};
use kez_core::{KeyId, ServerName};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::before::stored;
use crate::changes::Change;
use crate::decide::chains::{Before, Contested};
use crate::sqlite::pieces::{pieces, push_texts};

/// What came of a chain.
pub(in crate::sqlite) struct Taken {
    /// What that is to others.
    pub(in crate::sqlite) change: Change,
    /// Whether a key of it stands for another identity here.
    pub(in crate::sqlite) is_contested: bool,
}

/// Takes in what chains come to at `server`, or says why one may not come to that; without committing.
pub(in crate::sqlite) async fn follow(
    db: &mut SqliteConnection,
    chains: &[&Summary],
    server: &ServerName,
    new_keys: Contested,
) -> Result<Vec<Result<Taken, Reason>>, sqlx::Error> {
    let before = stored(db, chains, server).await?;
    let mut chains: Vec<Summary> = chains.iter().map(|chain| (*chain).clone()).collect();
    let mut outcome = Vec::new();
    let mut waiting = Vec::new();
    for (chain, before) in chains.iter_mut().zip(&before) {
        let rising = texts(before.rising(chain));
        let mut contested = HashSet::new();
        if !rising.is_empty() {
            // What waits to be written may take one of the keys, or set it free.
            write(db, &std::mem::take(&mut waiting)).await?;
            contested = standing_elsewhere(db, &chain.chain, &rising).await?;
        }
        if let Err(reason) = before.judge(chain, &contested, new_keys) {
            outcome.push(Err(reason));
            continue;
        }
        outcome.push(Ok(!contested.is_empty()));
        waiting.push((&*chain, before));
    }
    write(db, &waiting).await?;
    let answers = chains.into_iter().zip(before).zip(outcome).map(|((chain, before), outcome)| {
        outcome.map(|is_contested| Taken { change: before.change(&chain, server), is_contested })
    });
    Ok(answers.collect())
}

/// Those of `keys` that own the live handle of another identity than `chain`, or stand for one as its primary or device.
async fn standing_elsewhere(
    db: &mut SqliteConnection,
    chain: &KeyId,
    keys: &[String],
) -> Result<HashSet<KeyId>, sqlx::Error> {
    let mut standing = HashSet::new();
    for keys in pieces(keys, 2) {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT primary_key FROM handles WHERE released_at IS NULL AND chain <> ");
        query.push_bind(chain.to_string()).push(" AND primary_key IN (");
        push_texts(&mut query, keys);
        query.push(
            ") UNION SELECT k.key FROM chain_keys k JOIN handles h ON h.chain = k.chain AND h.released_at IS NULL \
             WHERE k.is_active AND k.chain <> ",
        );
        query.push_bind(chain.to_string()).push(" AND k.key IN (");
        push_texts(&mut query, keys);
        query.push(")");
        let found: Vec<String> = query.build_query_scalar().fetch_all(&mut *db).await?;
        // They are among `keys`, which were keys before they were texts.
        standing.extend(found.iter().filter_map(|key| key.parse::<KeyId>().ok()));
    }
    Ok(standing)
}

async fn write(db: &mut SqliteConnection, chains: &[(&Summary, &Before)]) -> Result<(), sqlx::Error> {
    for chains in pieces(chains, 6) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO chains (chain, primary_key, head, entries, active, home) ");
        query.push_values(chains, |mut tuple, (chain, _)| {
            tuple.push_bind(chain.chain.to_string()).push_bind(chain.primary.to_string());
            tuple.push_bind(chain.head.as_bytes().to_vec());
            tuple.push_bind(i64::try_from(chain.entries).unwrap_or(i64::MAX)).push_bind(chain.active);
            tuple.push_bind(chain.home.to_string());
        });
        query.push(
            " ON CONFLICT (chain) DO UPDATE SET primary_key = excluded.primary_key, head = excluded.head, \
             entries = excluded.entries, active = excluded.active, home = excluded.home",
        );
        query.build().execute(&mut *db).await?;
    }
    for (chain, before) in chains {
        write_keys(db, chain, before).await?;
        if before.moves_handle(chain) {
            sqlx::query("UPDATE handles SET primary_key = ? WHERE chain = ? AND released_at IS NULL")
                .bind(chain.primary.to_string())
                .bind(chain.chain.to_string())
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(())
}

async fn write_keys(db: &mut SqliteConnection, chain: &Summary, before: &Before) -> Result<(), sqlx::Error> {
    for keys in pieces(&before.changed(chain), 3) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO chain_keys (key, chain, is_active) ");
        query.push_values(keys, |mut tuple, (key, is_active)| {
            tuple.push_bind(key.to_string()).push_bind(chain.chain.to_string()).push_bind(*is_active);
        });
        query.build().execute(&mut *db).await?;
    }
    for keys in pieces(&texts(before.gone(chain)), 1) {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM chain_keys WHERE chain = ");
        query.push_bind(chain.chain.to_string()).push(" AND key IN (");
        push_texts(&mut query, keys);
        query.push(")");
        query.build().execute(&mut *db).await?;
    }
    Ok(())
}

fn texts(keys: Vec<KeyId>) -> Vec<String> {
    keys.iter().map(KeyId::to_string).collect()
}
