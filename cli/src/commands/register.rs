//! `kez register`: take a handle for the key.

use kez_core::registration::Statement;
use kez_core::{Code, Handle, KeyId, Problem, Record, ServerName};

use super::{home, key, lookup, submit::submit};
use crate::args::KeyArgs;
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::server_url::ServerUrl;
use crate::{keyfile, output};

/// Signs the registration, hands it in, and prints the record.
pub(super) fn run(
    keys: &KeyArgs,
    handle: &str,
    server: ServerUrl,
    server_name: Option<&ServerName>,
) -> Result<(), Failure> {
    let typed = lookup::typed(handle)?;
    // What is signed is the handle exactly: no letter of it is changed here.
    let handle = typed.exact().map_err(Problem::from)?;
    let key_file = keyfile::path(keys.file.as_deref())?;
    let key = key::unlock(&key_file, keys)?;
    let client = Client::new(server.clone());
    let server_name = home::name(&client, server_name)?;
    if let Some(other) = typed.server().filter(|server| **server != server_name) {
        let detail = format!("That name would be at {other}, and this server is {server_name}. Nothing was signed.");
        return Err(Problem::new(Code::WrongServer, detail).into());
    }
    let record: Record =
        submit(&client, "/v1/register", &key, |now| Statement::registration(handle.clone(), server_name.clone(), now))?;
    check(&record, &handle, &server_name, Some(key.id()))?;
    let identity = Holding { key: key.id(), handle, server, server_name };
    if let Err(error) = identity.save(&key_file) {
        output::warn(&format!("The handle is registered, but not remembered for `kez release`: {error}."));
    }
    output::json(&record)
}

/// Checks that `record` answers what was asked: this handle, on this server, and of this key if that is known.
pub(super) fn check(record: &Record, handle: &Handle, server: &ServerName, key: Option<KeyId>) -> Result<(), Failure> {
    let differs = |member: &str, is: &str, asked: &str| {
        Err(Failure::new(
            Local::NotVerified,
            format!("The server's record says that `{member}` is {is:.200}, where {asked} was asked for."),
        ))
    };
    let fqhn = format!("{handle}@{server}");
    if record.handle != handle.as_str() {
        return differs("handle", &record.handle, handle.as_str());
    }
    if record.fqhn != fqhn {
        return differs("fqhn", &record.fqhn, &fqhn);
    }
    match key {
        Some(key) if key != record.primary => differs("primary", &record.primary.to_string(), &key.to_string()),
        _ => Ok(()),
    }
}
