//! Where chains stand here.

use kez_core::{KeyId, Timestamp};

/// Where a chain stands here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has a live handle; these keys stand for it, none where it is not in use.
    Live(Vec<KeyId>),
    /// Its handle was released.
    Released(Timestamp),
    #[default]
    Unknown,
}

impl Standing {
    /// Whether a key stands for the chain.
    pub(crate) fn is_spoken_for_by(&self, key: &KeyId) -> bool {
        matches!(self, Standing::Live(keys) if keys.contains(key))
    }
}
