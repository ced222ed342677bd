//! What is stored about chains before they are taken in, and who has to hear of what that changed.

use std::collections::HashMap;

use crate::sqlite::news::News;
use kez_core::sigchain::Summary;
use kez_core::{KeyId, ServerName, Sorted};
use sqlx::sqlite::SqliteConnection;

use crate::sqlite::pieces::select_in;

/// What is stored about one chain.
#[derive(Default)]
pub(super) struct Before {
    /// The keys that the chain's summary is about, and all that stand for the chain, each with whether it does.
    pub(super) keys: Sorted<KeyId, bool>,
    /// The live handle and its primary key, as text.
    pub(super) live: Option<(String, String)>,
    /// Whether the identity was in use here.
    was_in_use: bool,
}

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

impl Before {
    /// That the handle changed, and every key that stands for it no longer; none where there is no live handle. Other keys are
    /// left alone: a chain may know thousands that ended long ago.
    pub(super) fn news(self, now: &Summary, server: &ServerName) -> Option<News> {
        let handle = self.live.and_then(|(handle, _)| handle.parse().ok())?;
        let is_in_use = now.is_in_use_at(server);
        let is_whole = now.since == 0;
        let was_in_use = self.was_in_use;
        // What a chain does not name, as it goes on, is as it was.
        let stands = |key| is_in_use && now.keys.get(key).copied().unwrap_or(!is_whole);
        let stood = self.keys.iter().filter(|(key, is_active)| **is_active && was_in_use && **key != now.primary);
        let ended = stood.filter(|(key, _)| !stands(*key)).map(|(key, _)| (*key, true));
        let keys = std::iter::once((now.primary, !is_in_use)).chain(ended).collect();
        Some(News { handle, chain: now.chain, keys })
    }
}

/// Whether an identity with such a row is in use at `server`. A home that was not read yet is taken to be here.
pub(super) fn is_in_use(active: bool, home: Option<&str>, server: &ServerName) -> bool {
    active && home.is_none_or(|home| server.matches(home))
}

fn parse(key: &str) -> Result<KeyId, sqlx::Error> {
    key.parse().map_err(|_| sqlx::Error::Decode(format!("a key of a chain is stored as {key:?}").into()))
}
