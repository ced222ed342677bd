//! Events that stand in a chain, as they are remembered.

use super::undo::Undo;
use crate::hash::Hash;
use crate::key::KeyId;
use crate::time::Timestamp;

/// What is kept of an event in the chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) id: Hash,
    pub(super) signer: KeyId,
    pub(super) received_at: Timestamp,
    pub(super) undo: Undo,
}
