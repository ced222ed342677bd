//! What a change is to those who remember something of a handle.

use kez_core::{Handle, KeyId};

use crate::handles::{Change, Changed};

/// That something about a handle changed.
pub(crate) struct News {
    pub(crate) handle: Handle,
    /// The identity's chain.
    pub(crate) chain: KeyId,
    /// The keys that it is about, each with whether it ends what the key may do.
    pub(crate) keys: Vec<(KeyId, bool)>,
}

impl News {
    /// Tells it, once it is durable or may be.
    pub(crate) fn tell(&self, changed: &Changed) {
        let News { handle, chain, keys } = self;
        keys.iter().for_each(|(key, is_end)| changed(Change { handle, key, chain, is_end: *is_end }));
    }
}
