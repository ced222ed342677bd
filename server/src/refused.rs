//! Why the registry, and what stands beside it, does not do what was asked, before anybody thinks of HTTP.

use kez_core::Problem;
use kez_store::StoreError;
use kez_store::handles::Refusal;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The envelope, or what it asks for, is not what the protocol allows.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// What is stored has something against it.
    #[error("{0:?}")]
    Handle(Refusal),
    /// The store cannot be used.
    #[error(transparent)]
    Store(StoreError),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::Handle(refusal)
    }
}

/// Logged here, once, because whoever asked is told no more than that it cannot be done.
impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => tracing::warn!(%error, "a request could not be served"),
            StoreError::Corrupt(_) => tracing::error!(%error, "a request could not be served"),
        }
        Refused::Store(error)
    }
}
