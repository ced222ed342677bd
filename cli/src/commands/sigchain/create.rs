//! `kez sigchain create`: the genesis, with a recovery key above the identity's.

use std::fs::File;
use std::path::{Path, PathBuf};

use kez_core::recovery::{Words, sheet};
use kez_core::sigchain::Body;
use kez_core::{KeyId, SigningKey};
use serde::Serialize;

use super::Mine;
use crate::args::{HomeArgs, KeyArgs};
use crate::failure::{Failure, Local};
use crate::{keyfile, output, system};

#[derive(Serialize)]
struct Created<'a> {
    event: &'a str,
    handle: &'a str,
    chain: KeyId,
    recovery_key: KeyId,
    /// Where its words are.
    recovery_file: Option<PathBuf>,
}

/// Begins the chain. The recovery key's words are on disk before the server hears of it.
pub(super) fn run(
    keys: &KeyArgs,
    home: HomeArgs,
    out: Option<&Path>,
    recovery_key: Option<KeyId>,
) -> Result<(), Failure> {
    let mut mine = Mine::open(keys, home)?;
    if let Some(head) = mine.fetched.chain.head() {
        let detail = format!("The identity has a chain already, whose head is event {}.", head.seq);
        return Err(Failure::new(Local::ChainExists, detail));
    }
    let primary = mine.key.id();
    let recovery = match (out, recovery_key) {
        (Some(file), _) => {
            let key = system::new_key()?;
            write_words(file, &key)?;
            key.id()
        }
        (None, Some(key)) => key,
        (None, None) => return Err(Failure::new(Local::Usage, "Name a file for the words with --recovery-out.")),
    };
    let rotation_keys = vec![recovery, primary];
    let body = Body::Genesis { primary, rotation_keys, server: mine.home.name.clone() };
    let event = mine.fetched.next().sign(&body, mine.home.now(), &mine.key);
    mine.fetched.post(&event)?;
    output::json(&Created {
        event: body.name(),
        handle: mine.handle.as_str(),
        chain: mine.fetched.chain.id(),
        recovery_key: recovery,
        recovery_file: out.map(Path::to_owned),
    })
}

/// Four lines of six words, in a new file that its owner alone can read.
fn write_words(file: &Path, key: &SigningKey) -> Result<(), Failure> {
    let text = sheet(&Words::english().of(key), None);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(
            Local::KeyFileExists,
            format!("{} is there and stays as it is; name another file with --recovery-out.", file.display()),
        ),
        _ => Failure::new(Local::Io, format!("{} cannot be written: {error}.", file.display())),
    };
    let folder = keyfile::directory_of(file);
    let written = keyfile::private_file(folder, text.as_bytes()).map_err(failed)?;
    written.persist_noclobber(file).map_err(|error| failed(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
