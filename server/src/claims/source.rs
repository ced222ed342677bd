//! Where claims come from: the chains that this process keeps, or what it followed of another server's.

use std::sync::Arc;

use kez_core::sigchain::Claim;
use kez_core::{Hash, KeyId, Sorted};
use kez_sig_server::refused::Refused as NoChain;
use kez_sig_server::service::Service;
use kez_store::StoreError;
use kez_store::followed::Following;

use crate::refused::Refused;

/// Who knows the claims of chains.
pub(crate) enum Source {
    /// The service of this process.
    Own(Arc<Service>),
    /// The registry, which follows another server's chains.
    Followed(Arc<dyn Following>),
}

impl Source {
    /// The current claims of a chain, by their ids; none when there is no such chain.
    pub(super) async fn claims(&self, chain: &KeyId) -> Result<Sorted<Hash, Claim>, Refused> {
        match self {
            Source::Followed(store) => Ok(store.followed_claims(chain).await?),
            Source::Own(service) => match service.claims(chain).await {
                Ok(claims) => Ok(claims),
                Err(NoChain::NotFound) => Ok(Sorted::default()),
                Err(error @ NoChain::Damaged(_)) => Err(StoreError::Corrupt(error.to_string()).into()),
                Err(error) => Err(StoreError::Unavailable(error.to_string()).into()),
            },
        }
    }
}
