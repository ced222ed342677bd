//! `kez release`: give the key's handle back.

use kez_core::registration::Statement;
use kez_core::{Code, ServerName, SigningKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::register::check;
use super::{home, key, lookup, submit::submit};
use crate::args::KeyArgs;
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::server_url::ServerUrl;
use crate::{keyfile, output};

#[derive(Serialize, Deserialize)]
struct Released {
    handle: String,
    released_at: Timestamp,
}

/// Signs the release of the handle that the key holds, hands it in, and prints what the server says.
pub(super) fn run(keys: &KeyArgs, server: Option<ServerUrl>, server_name: Option<&ServerName>) -> Result<(), Failure> {
    let key_file = keyfile::path(keys.file.as_deref())?;
    let key = key::unlock(&key_file, keys)?;
    let (client, identity) = match Holding::at(&key_file, key.id(), server.as_ref(), server_name) {
        Some(identity) => (Client::new(identity.server.clone()), identity),
        None => ask(server, server_name, &key)?,
    };
    let answer: Result<Released, Failure> = submit(&client, "/v1/release", &key, |now| {
        Statement::release(identity.handle.clone(), identity.server_name.clone(), now)
    });
    if answer.as_ref().map_or_else(|failure| failure.is(Code::Gone), |_| true) {
        Holding::forget(&key_file);
    }
    let released = answer?;
    if released.handle != identity.handle.as_str() {
        return Err(Failure::new(
            Local::NotVerified,
            format!("The server says that it released {:.200} instead of {}.", released.handle, identity.handle),
        ));
    }
    output::json(&released)
}

/// Asks the server which handle the key holds.
fn ask(
    server: Option<ServerUrl>,
    server_name: Option<&ServerName>,
    key: &SigningKey,
) -> Result<(Client, Holding), Failure> {
    let server = server.ok_or_else(home::unknown)?;
    let client = Client::new(server.clone());
    let server_name = home::name(&client, server_name)?;
    let record = lookup::by_key(&client, &key.id())?;
    let handle = lookup::handle_of(&record)?;
    check(&record, &handle, &server_name, Some(key.id()))?;
    Ok((client, Holding { key: key.id(), handle, server, server_name }))
}
