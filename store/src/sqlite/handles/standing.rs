//! What the chains say of the keys and handles of a group of changes.

use std::collections::{HashMap, HashSet};

use kez_core::{ChainStanding, Handle, KeyId, ServerName};
use sqlx::sqlite::SqliteConnection;

use super::rows::hash;
use crate::StoreError;
use crate::decide::chains::is_in_use;
use crate::decide::claims::OwnChain;
use crate::handles::Row;
use crate::sqlite::failed;
use crate::sqlite::pieces::select_in;

/// Which keys are taken, and by whom: what is stored, and what the group changed so far.
#[derive(Default)]
pub(super) struct Standing {
    /// The chains that a key began.
    own: HashMap<KeyId, OwnChain>,
    /// The chains that know a key, now or before, and whether it stands for them.
    chains_of: HashMap<KeyId, Vec<(KeyId, bool)>>,
    /// The keys that stand for chains which a change may resume.
    keys_of: HashMap<KeyId, Vec<KeyId>>,
    /// The live handles that keys own.
    live_keys: HashMap<KeyId, Handle>,
    /// The live handles of chains.
    live_chains: HashMap<KeyId, Handle>,
}

impl Standing {
    /// What is stored of `keys`, which want to register, and of all keys that stand for a chain that they may resume: one
    /// that they began, or that one of `rows` belongs to. The live handles of `keys` are among `rows`.
    pub(super) async fn load<'a>(
        db: &mut SqliteConnection,
        keys: &[KeyId],
        rows: impl Iterator<Item = &'a Row> + Clone,
        server: &ServerName,
    ) -> Result<Standing, StoreError> {
        let mut standing = Standing { own: own_chains(db, keys, server).await?, ..Standing::default() };
        let of_rows = rows.clone().map(|row| row.standing.chain);
        let resumable: HashSet<KeyId> = of_rows.chain(standing.own.keys().copied()).collect();
        let mut all: HashSet<KeyId> = keys.iter().copied().collect();
        for (chain, key) in active_keys(db, &resumable).await? {
            standing.keys_of.entry(chain).or_default().push(key);
            all.insert(key);
        }
        let others: Vec<KeyId> = all.iter().filter(|key| !keys.contains(key)).copied().collect();
        let all = texts(&all);
        let select = "SELECT key, chain, is_active FROM chain_keys WHERE key IN (";
        let known: Vec<(String, String, bool)> = select_in(db, select, &all).await.map_err(failed)?;
        let mut chains = HashSet::new();
        for (key, chain, is_active) in known {
            let chain = parse(&chain)?;
            chains.insert(chain);
            standing.chains_of.entry(parse(&key)?).or_default().push((chain, is_active));
        }
        let select = "SELECT primary_key, handle FROM handles WHERE released_at IS NULL AND primary_key IN (";
        standing.live_keys = live(db, select, &texts(&others)).await?;
        let select = "SELECT chain, handle FROM handles WHERE released_at IS NULL AND chain IN (";
        standing.live_chains = live(db, select, &texts(&chains)).await?;
        rows.for_each(|row| standing.put(row));
        Ok(standing)
    }

    /// Takes note of a row that was read or changed.
    pub(super) fn put(&mut self, row: &Row) {
        for (all, key) in [(&mut self.live_keys, row.primary), (&mut self.live_chains, row.standing.chain)] {
            if row.released.is_none() {
                all.insert(key, row.handle.clone());
            } else if all.get(&key) == Some(&row.handle) {
                all.remove(&key);
            }
        }
    }

    /// The live handle that a key owns.
    pub(super) fn handle_of(&self, key: &KeyId) -> Option<&Handle> {
        self.live_keys.get(key)
    }

    /// The chain that a key began.
    pub(super) fn own_chain(&self, key: &KeyId) -> Option<&OwnChain> {
        self.own.get(key)
    }

    /// Whether the chain of a live handle knows the key, now or before.
    pub(super) fn is_bound(&self, key: &KeyId) -> bool {
        self.chains(key).any(|(chain, _)| self.live_chains.contains_key(chain))
    }

    /// Whether a key that stands for `chain`, which has no live handle, stands for a live one all the same.
    pub(super) fn stands_elsewhere(&self, chain: &KeyId) -> bool {
        self.keys_of.get(chain).into_iter().flatten().any(|key| {
            let is_active =
                |(of, is_active): &(KeyId, bool)| *is_active && of != chain && self.live_chains.contains_key(of);
            self.live_keys.contains_key(key) || self.chains(key).any(is_active)
        })
    }

    fn chains(&self, key: &KeyId) -> impl Iterator<Item = &(KeyId, bool)> {
        self.chains_of.get(key).into_iter().flatten()
    }
}

/// A chain as SQLite gives it: its key, its primary, its head, whether it is active, and its home.
type StoredChain = (String, String, Vec<u8>, bool, Option<String>);

/// The chains that `keys` began.
async fn own_chains(
    db: &mut SqliteConnection,
    keys: &[KeyId],
    server: &ServerName,
) -> Result<HashMap<KeyId, OwnChain>, StoreError> {
    let select = "SELECT chain, primary_key, head, active, home FROM chains WHERE chain IN (";
    let found: Vec<StoredChain> = select_in(db, select, &texts(keys)).await.map_err(failed)?;
    let chains = found.into_iter().map(|(chain, primary, head, active, home)| {
        let chain = parse(&chain)?;
        let head = hash(head).ok_or_else(|| StoreError::Corrupt(format!("the head of the chain {chain}")))?;
        let active = is_in_use(active, home.as_deref(), server);
        let standing = ChainStanding { chain, head: Some(head), active };
        Ok((chain, OwnChain { primary: parse(&primary)?, standing }))
    });
    chains.collect()
}

/// Each of these chains with each key that stands for it.
pub(in crate::sqlite) async fn active_keys<'a>(
    db: &mut SqliteConnection,
    chains: impl IntoIterator<Item = &'a KeyId>,
) -> Result<Vec<(KeyId, KeyId)>, StoreError> {
    let select = "SELECT chain, key FROM chain_keys WHERE is_active AND chain IN (";
    let found: Vec<(String, String)> = select_in(db, select, &texts(chains)).await.map_err(failed)?;
    found.into_iter().map(|(chain, key)| Ok((parse(&chain)?, parse(&key)?))).collect()
}

/// Handles by keys or chains.
async fn live(
    db: &mut SqliteConnection,
    select: &str,
    values: &[String],
) -> Result<HashMap<KeyId, Handle>, StoreError> {
    let found: Vec<(String, String)> = select_in(db, select, values).await.map_err(failed)?;
    found.into_iter().map(|(key, handle)| Ok((parse(&key)?, parse(&handle)?))).collect()
}

fn texts<'a>(keys: impl IntoIterator<Item = &'a KeyId>) -> Vec<String> {
    keys.into_iter().map(ToString::to_string).collect()
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("{text:?} beside a chain")))
}
