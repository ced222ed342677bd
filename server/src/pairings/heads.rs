//! Which chains there are, and their newest events: what an offer has to name to get a place.

use std::sync::Arc;

use kez_core::sigchain::Place;
use kez_core::{Code, Problem};
use kez_sig_server::refused::Refused as NoChain;
use kez_sig_server::service::Service;
use kez_store::StoreError;
use kez_store::followed::Following;

use crate::refused::Refused;

/// Who knows the heads of chains.
pub(crate) enum Heads {
    /// The service of this process.
    Own(Arc<Service>),
    /// The registry, which follows another server's chains.
    Followed(Arc<dyn Following>),
}

impl Heads {
    /// Whether an event at `place` would stand right behind the head of its chain.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the chain is not known here; [`Code::ChainConflict`] when it has another head; that the
    /// store is away.
    pub(crate) async fn admit(&self, place: &Place) -> Result<(), Refused> {
        let is_next = match self {
            Heads::Own(service) => {
                let head = service.look(&place.chain, |_, head| Some(head)).await;
                head.map(|head| place.prev == Some(head.hash) && place.seq == head.seq + 1).map_err(trouble)?
            }
            Heads::Followed(store) => {
                // Whatever a log took in last is the head: also a fork is.
                let (_, head) = store.followed(&place.chain).await?.ok_or_else(unknown)?;
                place.prev == Some(head)
            }
        };
        if is_next {
            return Ok(());
        }
        let detail = "The chain has another head; read it again, and offer the key for the place behind it.";
        Err(Problem::new(Code::ChainConflict, detail).into())
    }
}

fn unknown() -> Refused {
    let detail = "There is no such chain here; the identity's owner has to begin it first.";
    Problem::new(Code::NotFound, detail).into()
}

fn trouble(refused: NoChain) -> Refused {
    match refused {
        NoChain::NotFound => unknown(),
        error @ NoChain::Damaged(_) => StoreError::Corrupt(error.to_string()).into(),
        error => StoreError::Unavailable(error.to_string()).into(),
    }
}
