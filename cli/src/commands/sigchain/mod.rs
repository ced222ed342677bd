//! `kez sigchain`: an identity's chain. Every command verifies the whole chain before it believes or signs anything.

mod claim;
mod create;
mod device;
mod rotate;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use kez_core::sigchain::{Body, Head, State};
use kez_core::{Handle, KeyId, Record, SigningKey};
use serde::Serialize;

use super::home::Home;
use super::register::check;
use super::{key, lookup};
use crate::args::{HomeArgs, KeyArgs, SigchainCommand};
use crate::chain::Fetched;
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::server_url::ServerUrl;
use crate::{keyfile, output};

/// Runs one of them.
pub(super) fn run(keys: &KeyArgs, command: SigchainCommand) -> Result<ExitCode, Failure> {
    match command {
        SigchainCommand::Create { recovery_out, recovery_key, home } => {
            create::run(keys, home, recovery_out.as_deref(), recovery_key)?;
        }
        SigchainCommand::Offer { name, server } => device::offer(keys, &name, server)?,
        SigchainCommand::AddDevice { offer, home } => device::add(keys, &offer, home)?,
        SigchainCommand::Revoke { device, reason, home } => device::revoke(keys, device, reason, home)?,
        SigchainCommand::Rotate { new_key, drop, home } => rotate::rotate(keys, &new_key, &drop, home)?,
        SigchainCommand::Recover { name, words, new_key, after, server } => {
            rotate::recover(keys, &name, server, &words, &new_key, after)?;
        }
        SigchainCommand::Deactivate { reason, home } => {
            let mut mine = Mine::open(keys, home)?;
            mine.state()?;
            mine.add(&Body::Deactivate { reason })?;
        }
        SigchainCommand::Claim(command) => claim::run(keys, command)?,
        SigchainCommand::Show(whose) => show::show(keys, whose)?,
        SigchainCommand::Audit(whose) => show::audit(keys, whose)?,
        SigchainCommand::Verify(whose) => return show::verify(keys, whose),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is printed of an event that was accepted.
#[derive(Serialize)]
struct Done<'a> {
    event: &'a str,
    handle: &'a str,
    chain: KeyId,
    #[serde(flatten)]
    head: Head,
    primary: Option<KeyId>,
}

/// A key's own identity, at its home.
struct Mine {
    key: SigningKey,
    home: Home,
    handle: Handle,
    fetched: Fetched,
}

impl Mine {
    /// Unlocks the key, and fetches the chain of the identity that it stands for.
    fn open(keys: &KeyArgs, args: HomeArgs) -> Result<Mine, Failure> {
        let (key_file, home, record) = at_home(keys, args)?;
        let handle = lookup::handle_of(&record)?;
        let fetched = Fetched::of(&record)?;
        if fetched.chain.head().is_some() {
            fetched.agrees_with(&record)?;
        }
        Ok(Mine { key: key::unlock(&key_file, keys)?, home, handle, fetched })
    }

    /// What the chain comes to.
    fn state(&self) -> Result<&State, Failure> {
        self.fetched.head()?;
        self.fetched.chain.state().ok_or_else(|| Failure::new(Local::NoChain, "The identity has no chain yet."))
    }

    /// Signs what `body` says behind the head, sends it, and prints what came of it.
    fn add(&mut self, body: &Body) -> Result<(), Failure> {
        let event = self.fetched.next().sign(body, self.home.now(), &self.key);
        let head = self.fetched.post(&event)?;
        print(body, &self.handle, &self.fetched, head)
    }

    /// Remembers that this other key file's key has the handle at this home.
    fn remember(&self, key_file: &std::path::Path, key: KeyId) {
        let server = self.home.client.url().clone();
        let identity = Holding { key, handle: self.handle.clone(), server, server_name: self.home.name.clone() };
        save(&identity, key_file);
    }
}

/// Forgetting it costs a `--server` later, and nothing else.
fn save(identity: &Holding, key_file: &std::path::Path) {
    if let Err(error) = identity.save(key_file) {
        output::warn(&format!("The handle cannot be remembered beside {}: {error}.", key_file.display()));
    }
}

fn print(body: &Body, handle: &Handle, fetched: &Fetched, head: Head) -> Result<(), Failure> {
    let primary = fetched.chain.state().map(|state| state.primary);
    output::json(&Done { event: body.name(), handle: handle.as_str(), chain: fetched.chain.id(), head, primary })
}

/// Where the key is, its home, and the record of the identity that it stands for there.
fn at_home(keys: &KeyArgs, args: HomeArgs) -> Result<(PathBuf, Home, Record), Failure> {
    let key_file = keyfile::path(keys.file.as_deref())?;
    let id = keyfile::open(&key_file)?.id();
    let home = Home::of(&key_file, id, args.server, args.server_name.as_ref())?;
    let record = lookup::by_key(&home.client, &id)?;
    check(&record, &lookup::handle_of(&record)?, &home.name, None)?;
    Ok((key_file, home, record))
}

/// Somebody's record, proven, with their chain.
fn of_name(name: &str, server: Option<ServerUrl>) -> Result<(Holding, Record, Fetched), Failure> {
    let (handle, server_name) = lookup::parse(name)?;
    let url = server.unwrap_or_else(|| ServerUrl::of(&server_name));
    let (record, _) = lookup::proven(&Client::new(url.clone()), &handle, &server_name)?;
    let fetched = Fetched::of(&record)?;
    let identity = Holding { key: record.primary, handle, server: url, server_name };
    Ok((identity, record, fetched))
}

/// Another key, in a file of its own, and where that is.
fn other_key(keys: &KeyArgs, file: &std::path::Path) -> Result<(PathBuf, SigningKey), Failure> {
    let path = keyfile::path(Some(file))?;
    let key = key::unlock(&path, keys)?;
    Ok((path, key))
}
