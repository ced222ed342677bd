//! `kez-chat-server init`: makes the keys and the configuration that a broker and a server need to work together.
//!
//! What a run gives depends on the settings and the keys that are there, so a second run finds everything as it would
//! write it. What differs was made with other settings or edited, and is never overwritten.

mod compose;
mod env;
mod folder;
mod keys;
mod nats_conf;
mod rotate;
mod settings;
mod template;
mod upgrade;

use std::path::{Path, PathBuf};

use kez_core::ServerName;
use zeroize::Zeroizing;

use folder::{Access, Folder};
use keys::Keys;

pub use settings::Settings;

const NATS_CONF: &str = "nats.conf";
const NATS_CONTAINER_CONF: &str = "nats.container.conf";
const ENV: &str = "kez.env";
const SIG_ENV: &str = "kez-sig.env";
const COMPOSE: &str = "docker-compose.yml";

/// Gives random bytes for one key.
pub type Random<'a> = &'a dyn Fn() -> Result<[u8; 32], InitError>;

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Going on would lose or reveal something.
    #[error("{0}")]
    Refused(String),
    /// The system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
}

/// Writes what is missing in the folder, gives it another issuer key, or adds what an earlier release did not write; the
/// text for the operator is returned.
///
/// # Errors
/// When the folder holds something else, or files that these settings would not give. Nothing is overwritten then.
pub fn run(settings: &Settings, random: Random<'_>) -> Result<String, InitError> {
    if settings.upgrade {
        upgrade::run(settings)
    } else if settings.rotate_issuer {
        rotate::run(settings, random)
    } else {
        create(settings, random)
    }
}

fn create(settings: &Settings, random: Random<'_>) -> Result<String, InitError> {
    let Some(server) = &settings.server else {
        return Err(InitError::Refused("--server is missing".to_owned()));
    };
    let folder = Folder::make(&settings.out)?;
    let keys = Keys::read_or_make(&folder, settings.xkey, random)?;
    let wanted = files(settings, server, &keys);
    let mut missing = keys.missing(&folder)?;
    for (name, access, text) in wanted {
        match folder.read(name, access)? {
            None => missing.push((PathBuf::from(name), access, text)),
            Some(found) if *found == *text => {}
            Some(found) => return Err(InitError::Refused(difference(&folder.path(name), &found, &text))),
        }
    }
    // The settings' file comes last: with it the folder is complete and known as one that `init` made.
    missing.sort_by_key(|(name, ..)| name == Path::new(ENV));
    for (name, access, text) in &missing {
        folder.write(name, *access, text)?;
    }
    Ok(report(settings, &missing.iter().map(|(name, ..)| name.display().to_string()).collect::<Vec<_>>()))
}

fn files(settings: &Settings, server: &ServerName, keys: &Keys) -> [(&'static str, Access, Zeroizing<String>); 5] {
    [
        (NATS_CONF, Access::Public, nats_conf::native(settings, server, keys).into()),
        (NATS_CONTAINER_CONF, Access::Public, nats_conf::container(settings, server, keys).into()),
        (COMPOSE, Access::Public, compose::text(settings, server).into()),
        (SIG_ENV, Access::Public, env::sigchain(settings, server)),
        (ENV, Access::Secret, env::text(settings, server, keys)),
    ]
}

/// The first line that differs, without the value of a secret.
fn difference(path: &Path, found: &str, wanted: &str) -> String {
    let (mut here, mut there) = (found.lines(), wanted.lines());
    let mut number = 0;
    let (here, there) = loop {
        number += 1;
        match (here.next(), there.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => break (None, None),
            other => break other,
        }
    };
    let shown = |line: Option<&str>| match line.map(str::trim) {
        None => "nothing".to_owned(),
        Some(line) if line.contains("_SEED=") => format!("another {}", line.split('=').next().unwrap_or_default()),
        Some(line) => format!("`{line}`"),
    };
    format!(
        "{} is not what these settings give: line {number} is {}, and would be {}; nothing was changed. Run init with \
         the settings that the folder was made with, edit the files by hand, or write to another folder",
        path.display(),
        shown(here),
        shown(there)
    )
}

fn report(settings: &Settings, written: &[String]) -> String {
    let out = settings.out.display();
    let first = match written {
        [] => format!("{out}: everything is there, nothing was written."),
        names => format!("{out}: wrote {}.", names.join(", ")),
    };
    format!(
        "{first}\nStart the broker, then the server:\n  nats-server -c {out}/{NATS_CONF}\n  (set -a; . {out}/{ENV}; exec \
         kez-chat-server)\n"
    )
}
