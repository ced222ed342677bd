//! The record that a lookup answers with.

use serde::{Deserialize, Serialize};

use crate::handle::Handle;
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;
use crate::time::Timestamp;

/// Who a handle belongs to, as the server tells it. The proof is the registration envelope, not this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The handle.
    pub handle: String,
    /// `handle@server`.
    pub fqhn: String,
    /// The key that speaks for the identity now.
    pub primary: KeyId,
    /// Where the identity's log of key events is.
    pub sigchain_url: String,
    /// The server's clock when it accepted the registration.
    pub registered_at: Timestamp,
    /// The identity's chain, which keeps its name when the primary changes: the key of the genesis, or the one that it
    /// will have.
    pub chain: KeyId,
    /// The id of the chain's newest event; null when nothing is in the chain yet.
    pub head: Option<Hash>,
    /// Whether the identity is in use; `false` once its chain was deactivated.
    pub active: bool,
}

/// Where an identity's chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainStanding {
    /// The chain's genesis key.
    pub chain: KeyId,
    /// The id of its newest event; none when nothing is in it yet.
    pub head: Option<Hash>,
    /// Whether it takes further events.
    pub active: bool,
}

impl Record {
    /// The record of `handle` on `server`; `sig_server_url` has no slash at its end.
    #[must_use]
    pub fn new(
        handle: &Handle,
        server: &ServerName,
        primary: KeyId,
        standing: ChainStanding,
        sig_server_url: &str,
        registered_at: Timestamp,
    ) -> Self {
        let ChainStanding { chain, head, active } = standing;
        Record {
            handle: handle.to_string(),
            fqhn: format!("{handle}@{server}"),
            primary,
            sigchain_url: format!("{sig_server_url}/v1/sigchains/{}/{}", chain.suite().as_str(), chain.hex()),
            registered_at,
            chain,
            head,
            active,
        }
    }
}
