//! The directory of key packages: the protocol's checks before the store. What is in a package, nobody here knows.

use std::sync::Arc;

use kez_core::{Admission, KeyId, ServerName};
use kez_http::client::Client;
use kez_http::limit::{InFlight, Permit};
use kez_store::key_packages::{Claimed, Uploaded};

use crate::clock::Clock;
use crate::refused::Refused;

/// How many key packages are taken, and given away.
#[derive(Clone, Debug)]
pub struct KeyPackageLimits {
    /// What is counted in the database.
    pub stored: kez_store::key_packages::Limits,
    /// Uploads at once, of everybody: each takes some hundred kilobytes while it is read.
    pub at_once: usize,
    /// Those of one line: an IPv4 address or a /64, of which a /56 and a /48 have two and four times as many.
    pub at_once_each: usize,
}

impl Default for KeyPackageLimits {
    fn default() -> Self {
        KeyPackageLimits { stored: kez_store::key_packages::Limits::default(), at_once: 1_024, at_once_each: 64 }
    }
}

/// The key packages of one server.
pub(crate) struct KeyPackages {
    store: Arc<dyn kez_store::key_packages::KeyPackages>,
    clock: Arc<dyn Clock>,
    server: ServerName,
    in_flight: Arc<InFlight>,
}

impl KeyPackages {
    /// A directory over a store, which keeps `limits.stored`.
    pub(crate) fn new(
        store: Arc<dyn kez_store::key_packages::KeyPackages>,
        clock: Arc<dyn Clock>,
        server: ServerName,
        limits: &KeyPackageLimits,
    ) -> Self {
        KeyPackages { store, clock, server, in_flight: InFlight::new(limits.at_once, limits.at_once_each) }
    }

    /// A permit for an upload, to be had before anything of it is read and until it is answered.
    ///
    /// # Errors
    /// That too many are in flight.
    pub(crate) fn permit(&self, client: Client) -> Result<Permit, Refused> {
        Ok(self.in_flight.take(client)?)
    }

    /// Takes a signed upload in; gives the device too.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub(crate) async fn put(&self, envelope: &[u8]) -> Result<(KeyId, Uploaded), Refused> {
        let now = self.clock.now();
        let upload = Admission { server: &self.server, now }.key_packages(envelope)?;
        let (device, packages) = (upload.device, upload.packages.len() as u64);
        let uploaded = self.store.put_packages(upload, now).await??;
        if uploaded.is_new {
            metrics::counter!("key_packages_put_total").increment(packages);
        }
        Ok((device, uploaded))
    }

    /// Gives packages away for a signed claim; gives the chain whose they are too.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub(crate) async fn claim(&self, envelope: &[u8]) -> Result<(KeyId, Claimed), Refused> {
        let now = self.clock.now();
        let claim = Admission { server: &self.server, now }.key_package_claim(envelope)?;
        let chain = claim.to;
        let claimed = self.store.claim_packages(claim, now).await??;
        let last_resorts = claimed.packages.iter().filter(|given| given.is_last_resort).count();
        let one_time = claimed.packages.len() - last_resorts;
        for (given, count) in
            [("one_time", one_time), ("last_resort", last_resorts), ("missing", claimed.missing.len())]
        {
            metrics::counter!("key_packages_claimed_total", "given" => given).increment(count as u64);
        }
        Ok((chain, claimed))
    }
}
