//! Where chains stand here, and which keys stand for them.

use std::collections::{HashMap, HashSet};

use kez_core::{KeyId, ServerName, Timestamp};
use sqlx::sqlite::SqliteConnection;

use crate::StoreError;
use crate::decide::chains::is_in_use;
use crate::decide::standing::Standing;
use crate::sqlite::failed;
use crate::sqlite::handles::active_keys;
use crate::sqlite::pieces::select_in;

/// A handle as SQLite gives it: its chain, its primary, when it was released, and of its chain whether it is active, and its
/// home.
type StoredRow = (String, String, Option<i64>, Option<bool>, Option<String>);

/// Where these chains stand; those that are not among the answers never had a handle.
pub(super) async fn standings(
    db: &mut SqliteConnection,
    chains: &HashSet<KeyId>,
    server: &ServerName,
) -> Result<HashMap<KeyId, Standing>, StoreError> {
    let texts: Vec<String> = chains.iter().map(KeyId::to_string).collect();
    let select = "SELECT h.chain, h.primary_key, h.released_at, c.active, c.home FROM handles h \
                  LEFT JOIN chains c ON c.chain = h.chain WHERE h.chain IN (";
    let mut standings = HashMap::with_capacity(chains.len());
    let mut begun = HashSet::new();
    for (chain, primary, released_at, active, home) in
        select_in::<StoredRow>(db, select, &texts).await.map_err(failed)?
    {
        let chain = parse(&chain)?;
        let standing = match released_at.map(Timestamp::from_unix) {
            None if active.is_none_or(|active| is_in_use(active, home.as_deref(), server)) => {
                if active.is_some() {
                    begun.insert(chain);
                }
                Standing::Live(vec![parse(&primary)?])
            }
            None => Standing::Live(Vec::new()),
            Some(at) => Standing::Released(at),
        };
        let before = standings.entry(chain).or_default();
        // A chain may have had several handles: the live one counts, or else the one that was released last.
        let is_better = match (&*before, &standing) {
            (Standing::Live(_), _) => false,
            (Standing::Released(before), Standing::Released(at)) => at > before,
            _ => true,
        };
        if is_better {
            *before = standing;
        }
    }
    for (chain, key) in active_keys(db, &begun).await? {
        if let Some(Standing::Live(keys)) = standings.get_mut(&chain)
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    Ok(standings)
}

fn parse(key: &str) -> Result<KeyId, StoreError> {
    key.parse().map_err(|_| StoreError::Corrupt(format!("a key of a handle is stored as {key:?}")))
}
