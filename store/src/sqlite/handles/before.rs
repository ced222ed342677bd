//! What is stored about chains before they are taken in.

use std::collections::HashMap;

use kez_core::sigchain::Summary;
use kez_core::{KeyId, ServerName};
use sqlx::sqlite::SqliteConnection;

use crate::decide::chains::{Before, is_in_use};
use crate::sqlite::pieces::select_in;

/// What is stored about these chains, in their order.
pub(super) async fn stored(
    db: &mut SqliteConnection,
    chains: &[&Summary],
    server: &ServerName,
) -> Result<Vec<Before>, sqlx::Error> {
    let ids: Vec<String> = chains.iter().map(|chain| chain.chain.to_string()).collect();
    let mut all: HashMap<String, Before> = ids.iter().map(|id| (id.clone(), Before::default())).collect();
    for (chain, key, is_active) in keys(db, chains, server).await? {
        if let Some(before) = all.get_mut(&chain) {
            before.keys.insert(parse(&key)?, is_active);
        }
    }
    let select = "SELECT chain, handle, primary_key FROM handles WHERE released_at IS NULL AND chain IN (";
    for (chain, handle, primary) in select_in::<(String, String, String)>(db, select, &ids).await? {
        all.entry(chain).or_default().live = Some((handle, primary));
    }
    let select = "SELECT chain, active, home FROM chains WHERE chain IN (";
    for (chain, active, home) in select_in::<(String, bool, Option<String>)>(db, select, &ids).await? {
        all.entry(chain).or_default().was_in_use = is_in_use(active, home.as_deref(), server);
    }
    Ok(ids.iter().map(|id| all.remove(id).unwrap_or_default()).collect())
}

/// Keys of the chains: of a chain that names all keys again, or ends altogether, every key that is stored; of another, those
/// that it names.
async fn keys(
    db: &mut SqliteConnection,
    chains: &[&Summary],
    server: &ServerName,
) -> Result<Vec<(String, String, bool)>, sqlx::Error> {
    let of = |is_wanted: &dyn Fn(&Summary) -> bool| -> Vec<String> {
        chains.iter().filter(|chain| is_wanted(chain)).map(|chain| chain.chain.to_string()).collect()
    };
    let whole = of(&|chain| chain.since == 0);
    let select = "SELECT chain, key, is_active FROM chain_keys WHERE chain IN (";
    let mut found: Vec<(String, String, bool)> = select_in(db, select, &whole).await?;
    let ended = of(&|chain| chain.since > 0 && !chain.is_in_use_at(server));
    let select = "SELECT chain, key, is_active FROM chain_keys WHERE is_active AND chain IN (";
    found.extend(select_in::<(String, String, bool)>(db, select, &ended).await?);
    let named = chains.iter().filter(|chain| chain.since > 0).flat_map(|chain| chain.keys.keys());
    let named: Vec<String> = named.map(KeyId::to_string).collect();
    let select = "SELECT chain, key, is_active FROM chain_keys WHERE key IN (";
    found.extend(select_in::<(String, String, bool)>(db, select, &named).await?);
    Ok(found)
}

fn parse(key: &str) -> Result<KeyId, sqlx::Error> {
    key.parse().map_err(|_| sqlx::Error::Decode(format!("a key of a chain is stored as {key:?}").into()))
}
