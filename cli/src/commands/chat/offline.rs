//! What was said is here also when the home server is not.

use super::names;
use super::records::{self, Lock, Records};
use super::reply::Reply;
use super::seal::Seal;
use super::show;
use crate::args::{ChatCommand, KeyArgs};
use crate::broker;
use crate::commands::{key, lookup};
use crate::failure::{Failure, Local};
use crate::{keyfile, output};

/// Shows a thread as it is here; any other command fails as it did.
pub(super) fn run(keys: &KeyArgs, command: &ChatCommand, why: Failure) -> Result<(), Failure> {
    let (with, limit, is_export) = match command {
        ChatCommand::History { with, limit, .. } => (with, *limit, false),
        ChatCommand::Export { with, .. } => (with, None, true),
        _ => return Err(why),
    };
    let key_file = keyfile::path(keys.file.as_deref())?;
    let key = key::unlock(&key_file, keys)?;
    let seal = keyfile::open(&key_file)?.is_encrypted().then(|| Seal::of(&key));
    let handle = lookup::typed(with)?.for_lookup().map_err(kez_core::Problem::from)?.to_string();
    output::warn(&format!("{} This is what was here before.", why.detail));
    broker::run(async {
        let folder = records::folder(&key_file);
        let lock = Lock::take(&folder)?.ok_or_else(|| {
            Failure::new(Local::ChatInUse, format!("Another process uses {}; end it first.", folder.display()))
        })?;
        let records = Records::open(&folder, lock, seal).await?;
        let chain = names::of_handle(&records, &handle)
            .ok_or_else(|| Failure::new(Local::NotAContact, format!("Nobody called {handle} is known here.")))?;
        if is_export {
            show::export(&records, &Reply::Stdout, &chain)
        } else {
            show::history(&records, &Reply::Stdout, &chain, limit)
        }
    })
}
