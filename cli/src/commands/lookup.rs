//! `kez lookup`: whose handle is that? The server is asked, and only what it can prove is believed.

use kez_core::handle::{NotTyped, Typed};
use kez_core::registration::Expected;
use kez_core::sigchain::Chain;
use kez_core::webfinger::Jrd;
use kez_core::{Code, Handle, KeyId, Problem, Record, ServerName, verify_envelope};
use serde::Serialize;
use serde_json::Value;

use super::register::check;
use crate::chain::Fetched;
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::output;
use crate::server_url::ServerUrl;

#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    record: Record,
    verified: bool,
}

/// Fetches the record, the signed registration and the WebFinger document of `name`, checks that all say the same and
/// that the key signed, and prints the record.
pub(super) fn run(name: &str, server: Option<ServerUrl>) -> Result<(), Failure> {
    let (handle, server_name) = parse(name)?;
    let client = Client::new(server.unwrap_or_else(|| ServerUrl::of(&server_name)));
    let (record, _) = proven(&client, &handle, &server_name)?;
    check_webfinger(&client, &record)?;
    output::json(&Found { record, verified: true })
}

/// The record of a handle, proven: its key signed for it, or its chain leads from the key that did to its key. And that
/// chain as it verified; nothing is in it when there is none yet.
pub(super) fn proven(client: &Client, handle: &Handle, server: &ServerName) -> Result<(Record, Chain), Failure> {
    let record: Record = client.get(&format!("/v1/u/{handle}"))?;
    check(&record, handle, server, None)?;
    let registration = client.get_bytes(&format!("/v1/u/{handle}/registration"))?;
    let signed = |primary| {
        Expected { handle, primary, server }.verify(&registration).map_err(|unproven| {
            Failure::new(Local::NotVerified, format!("The record is not proven by its registration. {unproven}"))
        })
    };
    if record.head.is_none() && record.chain == record.primary && record.active {
        signed(record.primary)?;
        let chain = Chain::new(record.chain);
        return Ok((record, chain));
    }
    let fetched = Fetched::of(&record)?;
    fetched.agrees_with(&record)?;
    // Whoever signed: that key has to be the identity's primary, or has to have been it.
    let signer = verify_envelope(&registration)?.key;
    signed(signer)?;
    if fetched.chain.had_primary(&signer) {
        return Ok((record, fetched.chain));
    }
    let detail =
        format!("The registration is signed by {signer}, which never was the primary of the identity's chain.");
    Err(Failure::new(Local::NotVerified, detail))
}

/// The record of the handle that a key stands for, as the server tells it.
pub(super) fn by_key(client: &Client, key: &KeyId) -> Result<Record, Failure> {
    client.get(&format!("/v1/k/{}/{}", key.suite().as_str(), key.hex()))
}

/// The handle that a record names.
pub(super) fn handle_of(record: &Record) -> Result<Handle, Failure> {
    let handle = record.handle.parse();
    handle.map_err(|_| Failure::new(Local::NotVerified, "The server's record names a handle that cannot exist."))
}

/// The handle and the server of a full name, as people write them.
pub(super) fn parse(name: &str) -> Result<(Handle, ServerName), Failure> {
    let typed = typed(name)?;
    let Some(server) = typed.server() else {
        return Err(Problem::new(Code::InvalidResource, "Write HANDLE@SERVER, for example alice@kez.example.").into());
    };
    Ok((typed.for_lookup().map_err(Problem::from)?, server.clone()))
}

/// A name as people write it, with or without its server.
pub(super) fn typed(name: &str) -> Result<Typed, Failure> {
    name.parse().map_err(|why: NotTyped| Problem::new(Code::InvalidResource, why.to_string()).into())
}

/// The subject and the properties that the record calls for stand in the served document. Its links depend on where
/// the server is reached, and prove nothing.
fn check_webfinger(client: &Client, record: &Record) -> Result<(), Failure> {
    // Brackets, as an IPv6 address has them, may not stand in a query (RFC 3986 section 3.4).
    let account = record.fqhn.replace('[', "%5B").replace(']', "%5D");
    let served: Value = client.get(&format!("/.well-known/webfinger?resource=acct:{account}"))?;
    let wanted = serde_json::to_value(Jrd::new(record, ""))
        .map_err(|error| Failure::new(Local::Io, format!("The WebFinger document cannot be built: {error}.")))?;
    let properties = wanted["properties"].as_object().into_iter().flatten();
    let mut wanted = properties
        .map(|(name, value)| (&served["properties"][name], value))
        .chain([(&served["subject"], &wanted["subject"])]);
    match wanted.find(|(served, wanted)| served != wanted) {
        None => Ok(()),
        Some((served, wanted)) => Err(Failure::new(
            Local::NotVerified,
            format!("The WebFinger document says {:.200} where the record says {wanted}.", served.to_string()),
        )),
    }
}
