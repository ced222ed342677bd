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
    warned_of_unnamed: Once,
    warned_of_ignored: Once,
}

/// How the server came to know whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The client's own connection.
    Direct,
    /// A connection that brings `X-Forwarded-For` and is no trusted proxy's, so that it is taken for the client's own.
    Ignored,
    /// A trusted proxy said.
    Forwarded,
    /// A trusted proxy did not say, or not so that it can be read.
    Unnamed,
}

impl Origin {
    /// Its name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Direct => "direct",
            Origin::Ignored => "ignored",
            Origin::Forwarded => "forwarded",
            Origin::Unnamed => "unnamed",
        }
    }
}

impl Guard {
    /// Believes proxies in these networks, and lets each client have so much.
    #[must_use]
    pub fn new(trusted_proxies: Vec<IpNet>, writes_per_minute: NonZeroU32, reads_per_second: NonZeroU32) -> Self {
        let limiter = Arc::new(Limiter::new(writes_per_minute, reads_per_second));
        Guard {
            proxies: TrustedProxies(trusted_proxies),
            limiter,
            warned_of_unnamed: Once::new(),
            warned_of_ignored: Once::new(),
        }
    }

    /// Whose request it is, and how that is known. The log is told once of a proxy that does not say, and of one on this
    /// machine that nobody named.
    #[must_use]
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> (Client, Origin) {
        let (client, is_proxy) = (self.proxies.client(peer.ip(), headers), self.is_proxy(peer.ip()));
        let origin = match client {
            Client::Unnamed(proxy) => {
                self.warned_of_unnamed.call_once(|| {
                    tracing::warn!(%proxy, "a trusted proxy sends no X-Forwarded-For that can be read: all clients behind it are limited as one");
                });
                Origin::Unnamed
            }
            _ if is_proxy => Origin::Forwarded,
            _ if !headers.contains_key("x-forwarded-for") => Origin::Direct,
            Client::Local(peer) => {
                self.warned_of_ignored.call_once(|| {
                    tracing::warn!(%peer, "a program on this machine forwards requests and is no trusted proxy: its clients are not limited");
                });
                Origin::Ignored
            }
            Client::At(_) => Origin::Ignored,
        };
        (client, origin)
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
