//! Reading a chain: what it comes to, its log, whether it verifies.

use std::process::ExitCode;

use kez_core::sigchain::{Head, State};
use kez_core::{Hash, KeyId};
use serde::Serialize;

use super::super::verify::verdict;
use super::{at_home, of_name};
use crate::args::{KeyArgs, WhoseArgs};
use crate::chain::Fetched;
use crate::failure::Failure;
use crate::output;

#[derive(Serialize)]
struct Shown<'a> {
    handle: &'a str,
    chain: KeyId,
    head: Option<Head>,
    nullified: &'a [Hash],
    state: Option<&'a State>,
    verified: bool,
}

/// Prints what the chain comes to.
pub(super) fn show(keys: &KeyArgs, whose: WhoseArgs) -> Result<(), Failure> {
    let (handle, fetched) = fetch(keys, whose)?;
    let chain = &fetched.chain;
    let (head, nullified, state) = (chain.head(), chain.nullified(), chain.state());
    output::json(&Shown { handle: &handle, chain: chain.id(), head, nullified, state, verified: true })
}

/// Prints the log, as the server gave it but for the escapes of what it hides.
pub(super) fn audit(keys: &KeyArgs, whose: WhoseArgs) -> Result<(), Failure> {
    let (_, fetched) = fetch(keys, whose)?;
    fetched.head()?;
    // It was verified, so that it is UTF-8.
    output::document(&String::from_utf8_lossy(&fetched.log))
}

/// Prints the verdict on the log.
pub(super) fn verify(keys: &KeyArgs, whose: WhoseArgs) -> Result<ExitCode, Failure> {
    let (_, fetched) = fetch(keys, whose)?;
    fetched.head()?;
    verdict(&fetched.log)
}

fn fetch(keys: &KeyArgs, whose: WhoseArgs) -> Result<(String, Fetched), Failure> {
    if let Some(name) = whose.name {
        let (_, record, fetched) = of_name(&name, whose.home.server)?;
        return Ok((record.handle, fetched));
    }
    let (_, _, record) = at_home(keys, whose.home)?;
    let fetched = Fetched::of(&record)?;
    if fetched.chain.head().is_some() {
        fetched.agrees_with(&record)?;
    }
    Ok((record.handle, fetched))
}
