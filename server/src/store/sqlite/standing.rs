//! What the chains say of the keys and handles of a group of changes.

use std::collections::HashMap;

use kez_core::{ChainStanding, Handle, KeyId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::super::StoreError;
use super::super::decide::OwnChain;
use super::batch::push_list;
use super::read::hash;
use super::unavailable;

/// The live handles whose chains know one of `keys`, now or before, by key.
pub(super) async fn bound(db: &mut SqliteConnection, keys: &[KeyId]) -> Result<HashMap<KeyId, Handle>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT k.key, h.handle FROM chain_keys k JOIN handles h ON h.chain = k.chain AND h.released_at IS NULL \
         WHERE k.key IN (",
    );
    push_list(&mut query, keys.iter().map(ToString::to_string));
    query.push(")");
    let found: Vec<(String, String)> = query.build_query_as().fetch_all(db).await.map_err(unavailable)?;
    found.into_iter().map(|(key, handle)| Ok((parse(&key)?, parse(&handle)?))).collect()
}

/// The chains that `keys` began.
pub(super) async fn own_chains(
    db: &mut SqliteConnection,
    keys: &[KeyId],
) -> Result<HashMap<KeyId, OwnChain>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT chain, primary_key, head, active FROM chains WHERE chain IN (");
    push_list(&mut query, keys.iter().map(ToString::to_string));
    query.push(")");
    let found: Vec<(String, String, Vec<u8>, bool)> =
        query.build_query_as().fetch_all(db).await.map_err(unavailable)?;
    let chains = found.into_iter().map(|(chain, primary, head, active)| {
        let chain = parse(&chain)?;
        let head = hash(head).ok_or_else(|| StoreError::Corrupt(format!("the head of the chain {chain}")))?;
        let standing = ChainStanding { chain, head: Some(head), active };
        Ok((chain, OwnChain { primary: parse(&primary)?, standing }))
    });
    chains.collect()
}

/// The keys that stand for each of these handles' chains.
pub(super) async fn members(
    db: &mut SqliteConnection,
    handles: HashMap<Handle, KeyId>,
) -> Result<HashMap<Handle, (KeyId, Vec<KeyId>)>, StoreError> {
    let mut members = HashMap::new();
    for (handle, chain) in handles {
        let keys: Vec<String> = sqlx::query_scalar("SELECT key FROM chain_keys WHERE chain = ? AND is_active")
            .bind(chain.to_string())
            .fetch_all(&mut *db)
            .await
            .map_err(unavailable)?;
        members.insert(handle, (chain, keys.iter().map(|key| parse(key)).collect::<Result<_, _>>()?));
    }
    Ok(members)
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("{text:?} beside a chain")))
}
