//! The mailboxes of devices: who writes, who reads, and what is kept right.

mod budgets;
mod delivery;
pub(crate) mod device;
mod leaving;
mod siblings;
mod upkeep;
mod walls;

use kez_core::SigningKey;

use crate::chains::owner::Owner;
use crate::harness::{Server, key};
use crate::nats::Nats;

/// A broker and a server; an identity with a second device, whose key that is, and another with its primary alone.
pub(crate) struct Scene {
    pub(crate) nats: Nats,
    pub(crate) server: Server,
    pub(crate) owner: Owner,
    pub(crate) laptop: SigningKey,
    pub(crate) other: Owner,
}

impl Scene {
    pub(crate) async fn new() -> Scene {
        Scene::with(&[]).await
    }

    /// With these settings of the server's.
    pub(crate) async fn with(flags: &[&str]) -> Scene {
        let nats = Nats::start(&[]).await;
        let server = nats.server(flags).await;
        Scene::of(nats, server).await
    }

    pub(crate) async fn of(nats: Nats, server: Server) -> Scene {
        let mut owner = Owner::start(&server, "tudisco", 1).await;
        let laptop = key(3);
        let event = owner.device(&laptop);
        owner.post(&server, &event).await.was(201);
        let other = Owner::start(&server, "other", 11).await;
        Scene { nats, server, owner, laptop, other }
    }

    /// The identity's primary, its second device, and the other identity's primary, all logged in.
    pub(crate) async fn devices(&self) -> [device::Device; 3] {
        let (own, other) = (self.owner.chain.id(), self.other.chain.id());
        let login = async |key, chain| device::Device::login(&self.nats, key, chain).await;
        [
            login(&self.owner.identity, &own).await,
            login(&self.laptop, &own).await,
            login(&self.other.identity, &other).await,
        ]
    }
}
