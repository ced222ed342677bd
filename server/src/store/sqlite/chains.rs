//! The registry's side of a chain that changes: in the transaction that stores the event, the handle follows the chain's
//! primary, and no key comes to stand for two identities.

use std::collections::HashMap;

use async_trait::async_trait;
use kez_core::sigchain::{Reason, Summary};
use kez_core::{Handle, KeyId, Sorted};
use kez_sig_server::store::StoreError;
use kez_sig_server::store::sqlite::{Companion, Tell};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::super::{Change, Changed};
use super::pieces::push_texts;

/// Follows the chains that are stored in the registry's own database.
pub struct Chains {
    /// Hears of every key whose standing may have changed.
    pub changed: Changed,
}

#[async_trait]
impl Companion for Chains {
    async fn follow(
        &self,
        db: &mut SqliteConnection,
        chains: &[&Summary],
    ) -> Result<Vec<Result<Tell, Reason>>, StoreError> {
        follow(db, chains, &self.changed).await
    }
}

/// What is stored about a chain before it is taken in.
#[derive(Default)]
struct Stored {
    /// The chain's keys, and whether each stands for the identity.
    keys: Sorted<KeyId, bool>,
    /// The live handle and its primary key, as text.
    live: Option<(String, String)>,
}

/// Takes in what chains come to, or says why one may not come to that; without committing.
pub(super) async fn follow(
    db: &mut SqliteConnection,
    chains: &[&Summary],
    changed: &Changed,
) -> Result<Vec<Result<Tell, Reason>>, StoreError> {
    let before = stored(db, chains).await?;
    let mut waiting = Vec::new();
    let mut refused = vec![false; chains.len()];
    for ((chain, before), refused) in chains.iter().zip(&before).zip(&mut refused) {
        let fresh = chain.keys.iter().filter(|(key, is_active)| **is_active && !before.keys.contains_key(key));
        let fresh: Vec<_> = fresh.map(|(key, _)| *key).collect();
        if !fresh.is_empty() {
            // What waits to be written may take one of the keys, or set it free.
            write(db, &std::mem::take(&mut waiting)).await?;
            *refused = stands_elsewhere(db, &chain.chain, fresh).await?;
        }
        if !*refused {
            waiting.push((*chain, before));
        }
    }
    write(db, &waiting).await?;
    let answers = chains.iter().zip(before).zip(refused).map(|((chain, before), is_refused)| match is_refused {
        true => Err(Reason::KeyReuse),
        false => Ok(tell(changed.clone(), (*chain).clone(), before)),
    });
    Ok(answers.collect())
}

/// What is stored about these chains, in their order.
async fn stored(db: &mut SqliteConnection, chains: &[&Summary]) -> Result<Vec<Stored>, StoreError> {
    let ids: Vec<String> = chains.iter().map(|chain| chain.chain.to_string()).collect();
    let mut all: HashMap<String, Stored> = ids.iter().map(|id| (id.clone(), Stored::default())).collect();
    let mut query = QueryBuilder::<Sqlite>::new("SELECT chain, key, is_active FROM chain_keys WHERE chain IN (");
    push_texts(&mut query, &ids);
    query.push(")");
    let keys: Vec<(String, String, bool)> = query.build_query_as().fetch_all(&mut *db).await.map_err(unavailable)?;
    for (chain, key, is_active) in keys {
        let key = key.parse().map_err(|_| StoreError::Corrupt(format!("a key of the chain {chain}")))?;
        all.entry(chain).or_default().keys.insert(key, is_active);
    }
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT chain, handle, primary_key FROM handles WHERE released_at IS NULL AND chain IN (",
    );
    push_texts(&mut query, &ids);
    query.push(")");
    let live: Vec<(String, String, String)> = query.build_query_as().fetch_all(db).await.map_err(unavailable)?;
    for (chain, handle, primary) in live {
        all.entry(chain).or_default().live = Some((handle, primary));
    }
    Ok(ids.iter().map(|id| all.remove(id).unwrap_or_default()).collect())
}

/// Whether one of `keys` owns the live handle of another identity, or stands for one as its primary or device.
async fn stands_elsewhere(db: &mut SqliteConnection, chain: &KeyId, keys: Vec<KeyId>) -> Result<bool, StoreError> {
    let keys: Vec<_> = keys.iter().map(KeyId::to_string).collect();
    let mut query = QueryBuilder::<Sqlite>::new("SELECT 1 FROM handles WHERE released_at IS NULL AND chain <> ");
    query.push_bind(chain.to_string()).push(" AND primary_key IN (");
    push_texts(&mut query, &keys);
    query.push(
        ") UNION ALL SELECT 1 FROM chain_keys k JOIN handles h ON h.chain = k.chain AND h.released_at IS NULL \
         WHERE k.is_active AND k.chain <> ",
    );
    query.push_bind(chain.to_string()).push(" AND k.key IN (");
    push_texts(&mut query, &keys);
    query.push(") LIMIT 1");
    let found: Option<i64> = query.build_query_scalar().fetch_optional(db).await.map_err(unavailable)?;
    Ok(found.is_some())
}

async fn write(db: &mut SqliteConnection, chains: &[(&Summary, &Stored)]) -> Result<(), StoreError> {
    if chains.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO chains (chain, primary_key, head, entries, active) ");
    query.push_values(chains, |mut tuple, (chain, _)| {
        tuple.push_bind(chain.chain.to_string()).push_bind(chain.primary.to_string());
        tuple.push_bind(chain.head.as_bytes().to_vec());
        tuple.push_bind(i64::try_from(chain.entries).unwrap_or(i64::MAX)).push_bind(chain.active);
    });
    query.push(
        " ON CONFLICT (chain) DO UPDATE SET primary_key = excluded.primary_key, head = excluded.head, \
         entries = excluded.entries, active = excluded.active",
    );
    query.build().execute(&mut *db).await.map_err(unavailable)?;
    for (chain, before) in chains {
        write_keys(db, chain, &before.keys).await?;
        if before.live.as_ref().is_some_and(|(_, primary)| *primary != chain.primary.to_string()) {
            sqlx::query("UPDATE handles SET primary_key = ? WHERE chain = ? AND released_at IS NULL")
                .bind(chain.primary.to_string())
                .bind(chain.chain.to_string())
                .execute(&mut *db)
                .await
                .map_err(unavailable)?;
        }
    }
    Ok(())
}

async fn write_keys(
    db: &mut SqliteConnection,
    chain: &Summary,
    before: &Sorted<KeyId, bool>,
) -> Result<(), StoreError> {
    let changed: Vec<_> = chain.keys.iter().filter(|(key, is_active)| before.get(key) != Some(is_active)).collect();
    if !changed.is_empty() {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO chain_keys (key, chain, is_active) ");
        query.push_values(changed, |mut tuple, (key, is_active)| {
            tuple.push_bind(key.to_string()).push_bind(chain.chain.to_string()).push_bind(*is_active);
        });
        query.build().execute(&mut *db).await.map_err(unavailable)?;
    }
    // Keys of displaced events are free again.
    let gone: Vec<_> = before.keys().filter(|key| !chain.keys.contains_key(key)).map(KeyId::to_string).collect();
    if !gone.is_empty() {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM chain_keys WHERE chain = ");
        query.push_bind(chain.chain.to_string()).push(" AND key IN (");
        push_texts(&mut query, &gone);
        query.push(")");
        query.build().execute(db).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Tells that the handle changed, and of every key that stands for it no longer. Others are left alone: a chain may know
/// thousands of keys that ended long ago.
fn tell(changed: Changed, now: Summary, before: Stored) -> Tell {
    let handle = before.live.and_then(|(handle, _)| handle.parse::<Handle>().ok());
    Box::new(move || {
        let Some(handle) = handle else { return };
        let change = |key, is_end| changed(Change { handle: &handle, key, chain: &now.chain, is_end });
        change(&now.primary, !now.active);
        let stood = before.keys.iter().filter(|(_, is_active)| **is_active).map(|(key, _)| key);
        for key in stood.filter(|key| **key != now.primary) {
            let stands = now.active && now.keys.get(key).is_some_and(|is_active| *is_active);
            if !stands {
                change(key, true);
            }
        }
    })
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
