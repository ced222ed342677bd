//! The record that a lookup answers with.

use serde::{Deserialize, Serialize};

use crate::handle::Handle;
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
    /// The key that the handle belongs to.
    pub primary: KeyId,
    /// Where the identity's log of key events is.
    pub sigchain_url: String,
    /// The server's clock when it accepted the registration.
    pub registered_at: Timestamp,
}

impl Record {
    /// The record of `handle` on `server`; `sig_server_url` has no slash at its end.
    #[must_use]
    pub fn new(
        handle: &Handle,
        server: &ServerName,
        primary: KeyId,
        sig_server_url: &str,
        registered_at: Timestamp,
    ) -> Self {
        Record {
            handle: handle.to_string(),
            fqhn: format!("{handle}@{server}"),
            primary,
            sigchain_url: format!("{sig_server_url}/v1/sigchains/{}/{}", primary.suite().as_str(), primary.hex()),
            registered_at,
        }
    }
}
