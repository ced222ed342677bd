//! What the pages ask of the server that renders them.

use std::sync::Arc;

use async_trait::async_trait;
use kez_app::backend::{Backend, Profile, Site, Unavailable};
use kez_core::Handle;

use crate::registry::{Found, Registry};

/// The registry, as the pages see it.
pub(crate) struct RegistryBackend {
    registry: Arc<Registry>,
    site: Site,
}

impl RegistryBackend {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        let names = registry.names();
        let (server, public_url) = (names.server.clone(), names.public_url.clone());
        RegistryBackend { site: Site { server, public_url, version: env!("CARGO_PKG_VERSION") }, registry }
    }
}

#[async_trait]
impl Backend for RegistryBackend {
    fn site(&self) -> &Site {
        &self.site
    }

    async fn profile(&self, handle: &Handle) -> Result<Profile, Unavailable> {
        match self.registry.find(handle).await {
            Ok(Found::Live(entry)) => Ok(Profile::Live(entry.record.clone())),
            Ok(Found::Released(released_at)) => Ok(Profile::Released { handle: handle.clone(), released_at }),
            Ok(Found::Unknown) => Ok(Profile::Unknown),
            // The reason was logged where it happened.
            Err(_) => Err(Unavailable),
        }
    }
}
