//! The folder that `init` writes: whose it is, and how files get into it.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keys::{self, Use};
use super::{COMPOSE, ENV, InitError, NATS_CONF, NATS_CONTAINER_CONF, SIG_ENV};

/// A file of ours is a few thousand bytes long; more is something else.
const MAX_BYTES: u64 = 1 << 20;
/// What a file is called until it is whole.
const UNFINISHED: &str = ".kez-init-";

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: the broker and containers run as other users.
    Public,
    /// Its owner.
    Secret,
}

/// The folder, locked against another `init`.
pub(super) struct Folder {
    root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if there is none; refuses one that holds what `init` does not write.
    pub(super) fn make(root: &Path) -> Result<Folder, InitError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o755).create(root).map_err(at(root))?;
        let folder = Folder::open(root)?;
        let issuer = folder.read(Use::Issuer.file(), Access::Secret)?;
        if issuer.is_none() && folder.read(ENV, Access::Secret)?.is_none() {
            folder.refuse_strangers()?;
        }
        let keys = folder.path(keys::FOLDER);
        match DirBuilder::new().mode(0o700).create(&keys) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made.map_err(at(&keys))?,
        }
        let found = keys.symlink_metadata().map_err(at(&keys))?;
        if !found.is_dir() || found.permissions().mode() & 0o077 != 0 {
            return refuse(&keys, "is no folder that its owner alone can enter; fix: mode 0700, and no link");
        }
        Ok(folder)
    }

    /// Opens a folder that is there.
    pub(super) fn open(root: &Path) -> Result<Folder, InitError> {
        let lock = File::open(root).map_err(at(root))?;
        if !lock.metadata().map_err(at(root))?.is_dir() {
            return refuse(root, "is no folder");
        }
        if lock.try_lock().is_err() {
            return refuse(root, "is being written by another init; try again when it has ended");
        }
        Ok(Folder { root: root.to_owned(), _lock: lock })
    }

    /// The path of a file in the folder.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// The text of a file, if there is one. Links are not followed, and a secret that others can read is refused.
    pub(super) fn read(&self, name: impl AsRef<Path>, access: Access) -> Result<Option<Zeroizing<String>>, InitError> {
        let path = self.path(name);
        let found = match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found.map_err(at(&path))?,
        };
        if !found.is_file() || found.len() > MAX_BYTES {
            return refuse(&path, "is no file that init wrote, and is left alone; links are not followed");
        }
        if access == Access::Secret && found.permissions().mode() & 0o077 != 0 {
            return refuse(
                &path,
                "holds a secret that others can read; fix: chmod 600, and change the keys if they did",
            );
        }
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(found.len() + 1).unwrap_or(0)));
        File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)).map_err(at(&path))?;
        Ok(Some(text))
    }

    /// Writes a file, whole or not at all; it has its mode from its first moment, and is on disk afterwards.
    pub(super) fn write(&self, name: &Path, access: Access, text: &str) -> Result<(), InitError> {
        let path = self.path(name);
        let (parent, file) = (path.parent().unwrap_or(&self.root), path.file_name().unwrap_or_default());
        let unfinished = parent.join(format!("{UNFINISHED}{}", file.display()));
        let written = || {
            match std::fs::remove_file(&unfinished) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            if access == Access::Public {
                file.set_permissions(Permissions::from_mode(0o644))?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            File::open(parent)?.sync_all()
        };
        written().map_err(at(&path))
    }

    /// The names in the folder, or in the one of the keys.
    pub(super) fn names(&self, inner: &str) -> Result<Vec<String>, InitError> {
        let path = self.path(inner);
        let entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(at(&path))?,
        };
        let name = |entry: std::io::Result<std::fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        entries.map(name).collect::<std::io::Result<_>>().map_err(at(&path))
    }

    /// A folder without keys and settings may be what a first run left that was interrupted early, and nothing else.
    fn refuse_strangers(&self) -> Result<(), InitError> {
        let ours = [keys::FOLDER, NATS_CONF, NATS_CONTAINER_CONF, COMPOSE, SIG_ENV];
        match self.names("")?.iter().find(|name| !ours.contains(&name.as_str()) && !name.starts_with(UNFINISHED)) {
            None => Ok(()),
            Some(name) => {
                refuse(&self.root, &format!("holds {name}, which init did not write; choose a folder of its own"))
            }
        }
    }
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> InitError {
    move |error| InitError::Io { path: path.to_owned(), error }
}

fn refuse<T>(path: &Path, why: &str) -> Result<T, InitError> {
    Err(InitError::Refused(format!("{} {why}", path.display())))
}
