//! Instances of devices' states of conversations: the protocol's checks before the store.

use std::sync::Arc;

use kez_core::{Admission, ServerName};
use kez_store::instances::{InstanceRefusal, Kept};

use crate::clock::Clock;
use crate::refused::Refused;

/// The instances of one server's devices.
pub(crate) struct Instances {
    store: Arc<dyn kez_store::instances::Instances>,
    clock: Arc<dyn Clock>,
    server: ServerName,
}

impl Instances {
    /// Those that a store keeps.
    pub(crate) fn new(
        store: Arc<dyn kez_store::instances::Instances>,
        clock: Arc<dyn Clock>,
        server: ServerName,
    ) -> Self {
        Instances { store, clock, server }
    }

    /// Keeps what a device signed to be its instance.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub(crate) async fn put(&self, envelope: &[u8]) -> Result<Kept, Refused> {
        let now = self.clock.now();
        let asked = Admission { server: &self.server, now }.chat_instance(envelope)?;
        let kept = self.store.put_instance(asked, now).await?;
        let answer = match &kept {
            Ok(Kept { is_new: true, .. }) => "new",
            Ok(_) => "known",
            Err(InstanceRefusal::Conflict) => "conflict",
            Err(InstanceRefusal::NotAuthorised | InstanceRefusal::TooOften(_)) => return Ok(kept?),
        };
        metrics::counter!("chat_instances_total", "answer" => answer).increment(1);
        Ok(kept?)
    }
}
