//! What both servers do with a request before anything else: see whose it is, and whether that client may ask.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Arc, Once};
use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, Method};
use ipnet::IpNet;

use crate::client::Client;
use crate::limit::{Limiter, weigh};
use crate::proxy::TrustedProxies;

/// Knows the proxies and counts the clients.
pub struct Guard {
    proxies: TrustedProxies,
    limiter: Arc<Limiter>,
    warned: Once,
}

impl Guard {
    /// Believes proxies in these networks, and lets each client have so much.
    #[must_use]
    pub fn new(trusted_proxies: Vec<IpNet>, writes_per_minute: NonZeroU32, reads_per_second: NonZeroU32) -> Self {
        let limiter = Arc::new(Limiter::new(writes_per_minute, reads_per_second));
        Guard { proxies: TrustedProxies(trusted_proxies), limiter, warned: Once::new() }
    }

    /// Whose request it is. The log is told once of a proxy that does not say.
    #[must_use]
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Client {
        let client = self.proxies.client(peer.ip(), headers);
        if let Client::Unnamed(proxy) = client {
            self.warned.call_once(|| {
                tracing::warn!(%proxy, "a trusted proxy sends no X-Forwarded-For that can be read: all clients behind it are limited as one");
            });
        }
        client
    }

    /// Counts a request that costs as much as `cost` small ones.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, client: Client, method: &Method, cost: u32) -> Result<(), Duration> {
        self.limiter.check(client, method, cost)
    }

    /// Counts an answer by its size while it is sent.
    pub fn weigh(&self, client: Client, method: &Method, response: Response) -> Response {
        weigh(&self.limiter, client, method, response)
    }

    /// Whether connections from this address are a proxy's, which brings those of many clients.
    #[must_use]
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.trusts(peer)
    }

    /// Forgets clients that were quiet, so that memory stays bounded by the recent ones. Call it each minute.
    pub fn keep_house(&self) {
        self.limiter.forget_quiet();
    }
}
