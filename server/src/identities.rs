//! Which identity a key stands for: the registry's answer, cached for as long as this server hears of every change.

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::KeyId;

use crate::broker::Broker;
use crate::cache::Cache;
use crate::callout::{Identities, LoginRefusal, Member};
use crate::registry::Registry;

/// What an entry of [`ByKey`] takes, in bytes, roughly.
pub(crate) const KEY_BYTES: u64 = 200;
/// How often a lookup that a write overtook is begun again.
const ATTEMPTS: usize = 3;

/// Identities by key. Only those that exist are kept: there is no end of the others.
pub(crate) type ByKey = Cache<KeyId, Arc<Member>>;

/// The registry's identities, each with its inbox and its key's mailbox ready at the broker, if there is one.
pub(crate) struct RegistryIdentities {
    pub(crate) registry: Arc<Registry>,
    pub(crate) cache: Arc<ByKey>,
    pub(crate) broker: Option<Arc<Broker>>,
}

impl RegistryIdentities {
    async fn look_up(&self, key: &KeyId) -> Result<Arc<Member>, LoginRefusal> {
        // Logged where it happened.
        let record = self
            .registry
            .find_by_key(key)
            .await
            .map_err(|_| LoginRefusal::Unavailable)?
            .ok_or(LoginRefusal::Unknown)?;
        let handle = record.handle.parse().map_err(|_| LoginRefusal::Unavailable)?;
        if !record.active {
            return Err(LoginRefusal::Unknown);
        }
        let identity = Member { handle, chain: record.chain };
        if let Some(broker) = &self.broker {
            broker.ensure_boxes(&identity.chain, key).await.map_err(|error| {
                tracing::warn!(%error, "an inbox or a mailbox cannot be made ready; its owner is not let in");
                LoginRefusal::Unavailable
            })?;
        }
        Ok(Arc::new(identity))
    }
}

#[async_trait]
impl Identities for RegistryIdentities {
    async fn of(&self, key: &KeyId) -> Result<Arc<Member>, LoginRefusal> {
        // A box that is cached as being there may be gone since.
        let is_ready = |chain: &KeyId| self.broker.as_ref().is_none_or(|broker| broker.are_boxes_ready(chain, key));
        if let Some(identity) = self.cache.get(key)
            && is_ready(&identity.chain)
        {
            return Ok(identity);
        }
        for _ in 0..ATTEMPTS {
            let ticket = self.cache.ticket(key);
            let identity = self.look_up(key).await?;
            // Not kept: the key's handle changed while its inbox was made ready. It may be gone.
            if self.cache.put(*key, ticket, identity.clone()) {
                return Ok(identity);
            }
        }
        Err(LoginRefusal::Unavailable)
    }
}
