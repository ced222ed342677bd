//! `init --rotate-issuer`: another issuer key in a deployment that is there, and nothing else changed.
//!
//! The new key takes the old one's place in the texts, so what an operator has edited stays. Files change one after the
//! other; a run that was interrupted is mended by the next, which also replaces issuers that were set aside before.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::folder::{Access, Folder};
use super::keys::{self, Key, Use};
use super::settings::Settings;
use super::{ENV, InitError, NATS_CONF, NATS_CONTAINER_CONF, Random, env};

/// An old issuer's file name: this, the beginning of its public key, `.nk`.
const OLD: &str = "issuer.old-";
/// Enough of a public key to tell two issuers apart.
const SHOWN: usize = 12;

/// Makes the key and puts it into every file that names the issuer.
pub(super) fn run(settings: &Settings, random: Random<'_>) -> Result<String, InitError> {
    let folder = Folder::open(&settings.out)?;
    let environment = existing(&folder, ENV, Access::Secret)?;
    refuse_other_server(settings, &folder, &environment)?;
    let issuer = Use::Issuer.file();
    let current = Key::read(&folder, Use::Issuer, &issuer)?
        .ok_or_else(|| InitError::Refused(format!("{} is missing", folder.path(&issuer).display())))?;
    let kept = old_file(&current);
    let mut old = set_aside(&folder)?;
    let new = Key::make(Use::Issuer, random)?;
    let mut changed: Vec<(PathBuf, Access, Zeroizing<String>)> =
        vec![(kept.clone(), Access::Secret, current.text()), (issuer, Access::Secret, new.text())];
    old.push(current);
    for name in [NATS_CONF, NATS_CONTAINER_CONF] {
        let Some(text) = folder.read(name, Access::Public)? else { continue };
        let text = replaced(&text, &old, &new, Key::public);
        changed.push((PathBuf::from(name), Access::Public, holding(text, new.public(), &folder.path(name))?));
    }
    let text = replaced(&environment, &old, &new, Key::seed);
    // Whoever moved the secrets out of the file has the path of the key there.
    let by_path =
        env::value(&text, env::ISSUER_SEED).is_some_and(|value| Path::new(value) == folder.path(Use::Issuer.file()));
    let text = if by_path { text } else { holding(text, new.seed(), &folder.path(ENV))? };
    changed.push((PathBuf::from(ENV), Access::Secret, text));
    for (name, access, text) in &changed {
        folder.write(name, *access, text)?;
    }
    Ok(format!(
        "{out}: the issuer is now {}; the old key is in {kept}, remove it when all is well.\nRestart nats-server, which \
         cannot reload its auth_callout block, then every kez-chat-server with the new {ENV}.\nUntil both run with the \
         new key, nobody can log in to the broker.\n",
        new.public(),
        out = settings.out.display(),
        kept = kept.display(),
    ))
}

fn existing(folder: &Folder, name: &str, access: Access) -> Result<Zeroizing<String>, InitError> {
    let missing =
        || InitError::Refused(format!("{} is missing: there is no issuer to replace", folder.path(name).display()));
    folder.read(name, access)?.ok_or_else(missing)
}

fn refuse_other_server(settings: &Settings, folder: &Folder, environment: &str) -> Result<(), InitError> {
    let found = env::value(environment, "KEZ_CHAT_SERVER").unwrap_or_default();
    match &settings.server {
        Some(server) if !server.matches(found) => {
            let env = folder.path(ENV);
            Err(InitError::Refused(format!("{} is for server `{found}`, not `{server}`", env.display())))
        }
        _ => Ok(()),
    }
}

fn old_file(key: &Key) -> PathBuf {
    let prefix = key.public().get(..SHOWN).unwrap_or_default();
    Path::new(keys::FOLDER).join(format!("{OLD}{prefix}.nk"))
}

fn set_aside(folder: &Folder) -> Result<Vec<Key>, InitError> {
    let mut found = Vec::new();
    for name in folder.names(keys::FOLDER)?.iter().filter(|name| name.starts_with(OLD)) {
        found.extend(Key::read(folder, Use::Issuer, &Path::new(keys::FOLDER).join(name))?);
    }
    Ok(found)
}

fn replaced(text: &str, old: &[Key], new: &Key, form: fn(&Key) -> &str) -> Zeroizing<String> {
    let start = Zeroizing::new(text.to_owned());
    old.iter().fold(start, |text, key| Zeroizing::new(text.replace(form(key), form(new))))
}

fn holding(text: Zeroizing<String>, needle: &str, path: &Path) -> Result<Zeroizing<String>, InitError> {
    if text.contains(needle) {
        return Ok(text);
    }
    let why = "does not hold the issuer of keys/issuer.nk; nothing was changed. Put it there, then run this again";
    Err(InitError::Refused(format!("{} {why}", path.display())))
}
