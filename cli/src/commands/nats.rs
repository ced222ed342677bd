//! `kez nats sign`: a login for any NATS client.

use kez_core::ServerName;
use kez_core::nats_login::{Login, MalformedNonce, Nonce};

use super::{home, key};
use crate::args::{HomeArgs, KeyArgs};
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::{keyfile, output};

/// Signs the login for `nonce` at the broker of the key's home server, and prints it.
pub(super) fn sign(keys: &KeyArgs, nonce: &str, home: HomeArgs) -> Result<(), Failure> {
    let nonce: Nonce = nonce.parse().map_err(|_| {
        Failure::new(Local::MalformedNonce, format!("Give the `nonce` of the broker's INFO: {MalformedNonce}."))
    })?;
    let key_file = keyfile::path(keys.file.as_deref())?;
    let key = key::unlock(&key_file, keys)?;
    let remembered = Holding::at(&key_file, key.id(), home.server.as_ref(), home.server_name.as_ref());
    let server: ServerName = match (remembered, home.server, home.server_name) {
        (Some(identity), _, _) => identity.server_name,
        (None, Some(url), name) => home::name(&Client::new(url), name.as_ref())?,
        (None, None, Some(name)) => name,
        (None, None, None) => return Err(home::unknown()),
    };
    output::json(&Login::sign(&key, &server, &nonce))
}
