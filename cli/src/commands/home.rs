//! Which server name a statement is signed for.

use kez_core::ServerName;
use serde::Deserialize;

use crate::client::Client;
use crate::failure::{Failure, Local};

#[derive(Deserialize)]
struct ServerInfo {
    server: String,
}

/// The server's name, by its own word as far as that can be believed: a hostile server that gave another one's name
/// would get a registration for that other server signed, and could hand it in there.
///
/// `expected` is what the user says the name is. Without it, the name is the host in the address, or the server is
/// this very machine.
pub(super) fn name(client: &Client, expected: Option<&ServerName>) -> Result<ServerName, Failure> {
    let ServerInfo { server } = client.get("/v1/server")?;
    let url = client.url();
    let name: ServerName = server.parse().map_err(|_| {
        Failure::new(Local::NotAServer, format!("{url} does not tell its name. Is it a kez-chat server?"))
    })?;
    let (fine, advice) = match expected {
        Some(expected) => (*expected == name, "which is not the --server-name given"),
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
