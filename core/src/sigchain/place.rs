//! The place of an event in its chain.

use crate::canonical::{Json, Object, member};
use crate::hash::Hash;
use crate::key::KeyId;

/// Where an event stands: its chain, its number and the event before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chain's id, which is its genesis key's.
    pub chain: KeyId,
    /// The event's number; the genesis is 1.
    pub seq: u64,
    /// The id of the event before; none before the genesis.
    pub prev: Option<Hash>,
}

impl Place {
    /// Where the genesis of the chain of `key` stands.
    #[must_use]
    pub const fn genesis(key: KeyId) -> Self {
        Place { chain: key, seq: 1, prev: None }
    }

    /// Adds `chain`, `seq` and `prev`.
    pub(super) fn write(&self, members: &mut Object) {
        let prev = self.prev.map_or(Json::Null, |prev| Json::String(prev.to_string()));
        let seq = i64::try_from(self.seq).unwrap_or(i64::MAX);
        members.extend([
            member("chain", self.chain),
            ("seq".to_owned(), Json::Integer(seq)),
            ("prev".to_owned(), prev),
        ]);
    }
}
