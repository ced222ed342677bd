//! The registry's side of a chain that changes: in the transaction that stores the event, the handle follows the chain's
//! primary, and no key comes to stand for two identities.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kez_core::sigchain::{Reason, Summary};
use kez_core::{Handle, KeyId};
use kez_sig_server::store::StoreError;
use kez_sig_server::store::sqlite::{Companion, Tell};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::super::{Change, Changed};

/// Follows the chains that are stored in the registry's own database.
pub struct Chains {
    /// Hears of every key whose standing may have changed.
    pub changed: Changed,
}

#[async_trait]
impl Companion for Chains {
    async fn follow(&self, db: &mut SqliteConnection, chain: &Summary) -> Result<Result<Tell, Reason>, StoreError> {
        follow(db, chain, &self.changed).await
    }
}

/// Takes in what a chain comes to, or says why it may not come to that; without committing.
pub(super) async fn follow(
    db: &mut SqliteConnection,
    chain: &Summary,
    changed: &Changed,
) -> Result<Result<Tell, Reason>, StoreError> {
    let before = keys_of(db, &chain.chain).await?;
    let fresh = chain.keys.iter().filter(|(key, is_active)| **is_active && !before.contains_key(key));
    if stands_elsewhere(db, &chain.chain, fresh.map(|(key, _)| *key).collect()).await? {
        return Ok(Err(Reason::KeyReuse));
    }
    write(db, chain, &before).await?;
    let handle: Option<String> =
        sqlx::query_scalar("SELECT handle FROM handles WHERE chain = ? AND released_at IS NULL")
            .bind(chain.chain.to_string())
            .fetch_optional(db)
            .await
            .map_err(unavailable)?;
    let handle = handle.and_then(|handle| handle.parse::<Handle>().ok());
    Ok(Ok(tell(changed.clone(), handle, chain.clone(), before)))
}

/// The chain's keys as they are stored, and whether each stands for the identity.
async fn keys_of(db: &mut SqliteConnection, chain: &KeyId) -> Result<BTreeMap<KeyId, bool>, StoreError> {
    let stored: Vec<(String, bool)> = sqlx::query_as("SELECT key, is_active FROM chain_keys WHERE chain = ?")
        .bind(chain.to_string())
        .fetch_all(db)
        .await
        .map_err(unavailable)?;
    let parse = |(key, is_active): (String, bool)| {
        let key = key.parse().map_err(|_| StoreError::Corrupt(format!("a key of the chain {chain}")))?;
        Ok((key, is_active))
    };
    stored.into_iter().map(parse).collect()
}

/// Whether one of `keys` owns the live handle of another identity, or stands for one as its primary or device.
async fn stands_elsewhere(db: &mut SqliteConnection, chain: &KeyId, keys: Vec<KeyId>) -> Result<bool, StoreError> {
    if keys.is_empty() {
        return Ok(false);
    }
    let mut query = QueryBuilder::<Sqlite>::new("SELECT 1 FROM handles WHERE released_at IS NULL AND chain <> ");
    query.push_bind(chain.to_string()).push(" AND primary_key IN (");
    push_keys(&mut query, &keys);
    query.push(
        ") UNION ALL SELECT 1 FROM chain_keys k JOIN handles h ON h.chain = k.chain AND h.released_at IS NULL \
         WHERE k.is_active AND k.chain <> ",
    );
    query.push_bind(chain.to_string()).push(" AND k.key IN (");
    push_keys(&mut query, &keys);
    query.push(") LIMIT 1");
    let found: Option<i64> = query.build_query_scalar().fetch_optional(db).await.map_err(unavailable)?;
    Ok(found.is_some())
}

async fn write(db: &mut SqliteConnection, chain: &Summary, before: &BTreeMap<KeyId, bool>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO chains (chain, primary_key, head, entries, active) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (chain) DO UPDATE SET primary_key = excluded.primary_key, head = excluded.head, \
         entries = excluded.entries, active = excluded.active",
    )
    .bind(chain.chain.to_string())
    .bind(chain.primary.to_string())
    .bind(chain.head.as_bytes().to_vec())
    .bind(i64::try_from(chain.entries).unwrap_or(i64::MAX))
    .bind(chain.active)
    .execute(&mut *db)
    .await
    .map_err(unavailable)?;
    let changed: Vec<_> = chain.keys.iter().filter(|(key, is_active)| before.get(key) != Some(is_active)).collect();
    if !changed.is_empty() {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO chain_keys (key, chain, is_active) ");
        query.push_values(changed, |mut tuple, (key, is_active)| {
            tuple.push_bind(key.to_string()).push_bind(chain.chain.to_string()).push_bind(*is_active);
        });
        query.build().execute(&mut *db).await.map_err(unavailable)?;
    }
    // Keys of displaced events are free again.
    let gone: Vec<_> = before.keys().filter(|key| !chain.keys.contains_key(key)).copied().collect();
    if !gone.is_empty() {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM chain_keys WHERE chain = ");
        query.push_bind(chain.chain.to_string()).push(" AND key IN (");
        push_keys(&mut query, &gone);
        query.push(")");
        query.build().execute(&mut *db).await.map_err(unavailable)?;
    }
    sqlx::query("UPDATE handles SET primary_key = ?1 WHERE chain = ?2 AND released_at IS NULL AND primary_key <> ?1")
        .bind(chain.primary.to_string())
        .bind(chain.chain.to_string())
        .execute(db)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// Tells that the handle changed, and of every key that stands for it no longer. Others are left alone: a chain may know
/// thousands of keys that ended long ago.
fn tell(changed: Changed, handle: Option<Handle>, now: Summary, before: BTreeMap<KeyId, bool>) -> Tell {
    Box::new(move || {
        let Some(handle) = handle else { return };
        let change = |key, is_end| changed(Change { handle: &handle, key, chain: &now.chain, is_end });
        change(&now.primary, !now.active);
        let stood = before.iter().filter(|(_, is_active)| **is_active).map(|(key, _)| key);
        for key in stood.filter(|key| **key != now.primary) {
            let stands = now.active && now.keys.get(key).is_some_and(|is_active| *is_active);
            if !stands {
                change(key, true);
            }
        }
    })
}

fn push_keys(query: &mut QueryBuilder<Sqlite>, keys: &[KeyId]) {
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key.to_string());
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
