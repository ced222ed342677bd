//! A key's home server, and which server name is signed for.

use std::path::Path;

use kez_core::registration::CLOCK_SKEW_SECS;
use kez_core::{KeyId, ServerName, Timestamp};
use serde::Deserialize;

use crate::client::Client;
use crate::clock;
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::server_url::ServerUrl;
use crate::{output, system};

/// What a server says about itself, as far as anything here reads it.
#[derive(Deserialize)]
struct ServerInfo {
    server: String,
    time: Option<Timestamp>,
    nats_ws_url: Option<String>,
    sig_server_url: Option<String>,
}

/// A key's home server, which has been asked.
pub(super) struct Home {
    pub(super) client: Client,
    pub(super) name: ServerName,
    /// The broker's address, if the server tells one.
    pub(super) broker: Option<String>,
    /// Where its identities' chains are.
    pub(super) sig_server: ServerUrl,
    /// Seconds by which the server's clock is ahead of this machine's; 0 when they agree well enough to sign.
    ahead: i64,
}

impl Home {
    /// The server that is named, else the one where `key` was registered last.
    pub(super) fn of(
        key_file: &Path,
        key: KeyId,
        server: Option<ServerUrl>,
        name: Option<&ServerName>,
    ) -> Result<Home, Failure> {
        let (url, name) = match Holding::at(key_file, key, server.as_ref(), name) {
            Some(identity) => (identity.server, Some(identity.server_name)),
            None => (server.ok_or_else(unknown)?, name.cloned()),
        };
        let client = Client::new(url);
        let info: ServerInfo = client.get("/v1/server")?;
        let name = believable(&client, &info.server, name.as_ref())?;
        let ahead = info.time.map_or(0, |time| time.unix() - system::now().unix());
        let ahead = if ahead.unsigned_abs() > CLOCK_SKEW_SECS { ahead } else { 0 };
        let sig_server = chains_at(&info, &client);
        let home = Home { client, name, broker: info.nats_ws_url, sig_server, ahead };
        if let Some(apart) = home.clocks_apart() {
            output::warn(&format!("{apart}; going by the server's time. Check the clock."));
        }
        Ok(home)
    }

    /// That this machine's clock and the server's are too far apart, in words, if they are.
    pub(super) fn clocks_apart(&self) -> Option<String> {
        (self.ahead != 0).then(|| clock::apart(self.ahead))
    }

    /// The time at home.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_unix(system::now().unix().saturating_add(self.ahead))
    }
}

/// Where a server's chains are, by its own word.
pub(super) fn sig_server(client: &Client) -> Result<ServerUrl, Failure> {
    Ok(chains_at(&client.get("/v1/server")?, client))
}

fn chains_at(info: &ServerInfo, client: &Client) -> ServerUrl {
    let url = info.sig_server_url.as_deref().and_then(|url| url.parse().ok());
    url.unwrap_or_else(|| client.url().clone())
}

/// There is no server to go by.
pub(super) fn unknown() -> Failure {
    Failure::new(Local::ServerMissing, "No registration by this key is remembered here; name its server with --server.")
}

/// The server's name, by its own word as far as that can be believed: a hostile server that gave another one's name
/// would get a registration for that other server signed, and could hand it in there.
///
/// `expected` is what the user says the name is. Without it, the name is the host in the address, or the server is
/// this very machine.
pub(super) fn name(client: &Client, expected: Option<&ServerName>) -> Result<ServerName, Failure> {
    let info: ServerInfo = client.get("/v1/server")?;
    believable(client, &info.server, expected)
}

fn believable(client: &Client, told: &str, expected: Option<&ServerName>) -> Result<ServerName, Failure> {
    let url = client.url();
    let name: ServerName = told.parse().map_err(|_| {
        Failure::new(Local::NotAServer, format!("{url} does not tell its name. Is it a kez-chat server?"))
    })?;
    let (fine, advice) = match expected {
        Some(expected) => (*expected == name, "which is not the name that is meant"),
        None => (url.is_loopback() || url.is_home_of(&name), "add --server-name if that is the server you mean"),
    };
    if fine {
        return Ok(name);
    }
    Err(Failure::new(
        Local::ServerNameDiffers,
        format!("The server at {url} wants a signature for {name}; {advice}. Nothing was signed."),
    ))
}
