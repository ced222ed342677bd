//! Why the registry, and what stands beside it, does not do what was asked, before anybody thinks of HTTP.

use kez_core::Problem;
use kez_http::limit::NoPermit;
use kez_store::StoreError;
use kez_store::conversations::{CommitRefusal, StartRefusal};
use kez_store::handles::Refusal;
use kez_store::instances::InstanceRefusal;
use kez_store::key_packages::{ClaimRefusal, UploadRefusal};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The envelope, or what it asks for, is not what the protocol allows.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// What is stored has something against it.
    #[error("{0:?}")]
    Handle(Refusal),
    /// An upload of key packages that what is stored has something against.
    #[error("{0:?}")]
    Upload(UploadRefusal),
    /// A claim of key packages that what is stored has something against.
    #[error("{0:?}")]
    Claim(ClaimRefusal),
    /// The start of a conversation that what is stored has something against.
    #[error("{0:?}")]
    Start(StartRefusal),
    /// A commit that what is stored has something against.
    #[error("{0:?}")]
    Commit(CommitRefusal),
    /// An instance of a device's state that what is stored has something against.
    #[error("{0:?}")]
    Instance(InstanceRefusal),
    /// Too much is under way that takes memory.
    #[error("{0:?}")]
    NoPermit(NoPermit),
    /// The store cannot be used.
    #[error(transparent)]
    Store(StoreError),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::Handle(refusal)
    }
}

impl From<UploadRefusal> for Refused {
    fn from(refusal: UploadRefusal) -> Self {
        Refused::Upload(refusal)
    }
}

impl From<ClaimRefusal> for Refused {
    fn from(refusal: ClaimRefusal) -> Self {
        Refused::Claim(refusal)
    }
}

impl From<StartRefusal> for Refused {
    fn from(refusal: StartRefusal) -> Self {
        Refused::Start(refusal)
    }
}

impl From<CommitRefusal> for Refused {
    fn from(refusal: CommitRefusal) -> Self {
        Refused::Commit(refusal)
    }
}

impl From<InstanceRefusal> for Refused {
    fn from(refusal: InstanceRefusal) -> Self {
        Refused::Instance(refusal)
    }
}

impl From<NoPermit> for Refused {
    fn from(refusal: NoPermit) -> Self {
        Refused::NoPermit(refusal)
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
