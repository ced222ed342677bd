//! Why the service does not do what was asked, before anybody thinks of HTTP.

use kez_core::Problem;
use kez_core::sigchain::{Head, Reason};

use crate::gate::Unreachable;
use crate::loaded::{Damage, LoadError};
use kez_store::StoreError;

/// A refusal.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// The event, or the entry at `index` of an imported log, is refused.
    #[error("{reason}")]
    Event {
        /// Why.
        reason: Reason,
        /// The chain's head, where there is one.
        head: Option<Head>,
        /// The entry of an imported log.
        index: Option<usize>,
    },
    /// The caller believes in another head, sends what was displaced, or imports another log than the stored one.
    #[error("the chain has another head")]
    Conflict {
        /// Why, where there is a reason.
        reason: Option<Reason>,
        /// The chain's head, where there is one.
        head: Option<Head>,
        /// What the caller can do.
        detail: &'static str,
    },
    /// There is no such chain, or nothing at this place of it.
    #[error("not found")]
    NotFound,
    /// What should be an audit log is none.
    #[error("{}", _0.detail)]
    NoLog(Problem),
    /// Others hand in logs just now, or somebody does for this chain.
    #[error("others hand in logs just now")]
    Busy,
    /// The chain's key owns no handle, and the hour's open places are taken.
    #[error("not admitted")]
    NotAdmitted,
    /// Nobody can say just now whether the chain's key owns a handle.
    #[error("{0}")]
    Registry(#[from] Unreachable),
    /// The server's clock is far behind the chain's last entry.
    #[error("the clock is behind the chain's last entry")]
    ClockBehind,
    /// The store cannot be used.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The stored chain is damaged.
    #[error("{0}")]
    Damaged(Box<Damage>),
}

impl From<LoadError> for Refused {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => Refused::Store(error),
            LoadError::Damaged(damage) => Refused::Damaged(damage),
        }
    }
}
