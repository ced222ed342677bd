//! One process a database. SQLite would let two work on one file, and each would answer from a memory that the other's
//! changes never reach.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::{Use, named, obstacle, real};

/// How long one waits for a process that is about to end.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often one looks meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// Most that is read of a lock's file.
const MAX_LEN: u64 = 200;
/// What the file begins with while a database is being replaced.
const RESTORING: &str = "restoring: ";

/// That no other process serves a database, or restores it. It is kept at `<db>.lock`, beside the file that the path names
/// in the end. The kernel ends it with the process, however that ends; the file stays and means nothing by itself.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    program: &'static str,
}

/// Who has a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// No process has.
    Nobody,
    /// The one that is named.
    Process(String),
    /// Nobody, and a restore was interrupted while it put files in their places.
    InterruptedRestore,
}

impl Lock {
    /// Takes the lock of the database at `db` for `program`, waiting a little for a process that is about to end.
    ///
    /// # Errors
    /// A sentence that says who has it or what is in the way, and what to do.
    pub(super) async fn take(db: &Path, program: &'static str) -> Result<Lock, String> {
        let (mut lock, said) = Lock::open(db, program).await?;
        if said.starts_with(RESTORING) {
            return Err(interrupted(db, program));
        }
        lock.write("")?;
        Ok(lock)
    }

    /// As [`Lock::take`], for somebody who replaces the database; also after somebody who was interrupted.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub(super) async fn take_to_restore(db: &Path, program: &'static str) -> Result<Lock, String> {
        let (mut lock, said) = Lock::open(db, program).await?;
        if !said.starts_with(RESTORING) {
            lock.write("")?;
        }
        Ok(lock)
    }

    /// Makes sure that nobody takes what is at the path for a database, should this process end here.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn begin_restoring(&mut self) -> Result<(), String> {
        self.write(RESTORING)
    }

    /// What is at the path is a database.
    ///
    /// # Errors
    /// When that cannot be written.
    pub(super) fn end_restoring(&mut self) -> Result<(), String> {
        self.write("")
    }

    /// The file that the lock is on.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    async fn open(db: &Path, program: &'static str) -> Result<(Lock, String), String> {
        let path = path(db);
        let say = |error: std::io::Error| {
            obstacle(db, Use::Write).unwrap_or_else(|| format!("{} cannot be locked: {error}", path.display()))
        };
        let mut waited = Duration::ZERO;
        loop {
            let mut file = open(&path).map_err(say)?;
            match file.try_lock() {
                // Somebody may have taken the file away meanwhile; a lock on that one would keep nobody out.
                Ok(()) if is_at(&file, &path) => {
                    let said = said(&mut file).map_err(say)?;
                    return Ok((Lock { file, program }, said));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if waited >= PATIENCE => {
                    let holder = said(&mut file).unwrap_or_default();
                    return Err(format!(
                        "{} has it open, and one file has one server; stop that one, or give this one a file of its own (--db)",
                        name(&holder)
                    ));
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(say(error)),
            }
            tokio::time::sleep(PAUSE).await;
            waited += PAUSE;
        }
    }

    /// Says who has the lock, for those who want it. Where the file is another user's, that stays unsaid.
    fn write(&mut self, state: &str) -> Result<(), String> {
        let text = format!("{state}{}, process {}\n", self.program, std::process::id());
        let mut write = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(text.as_bytes())?;
            if state.is_empty() { Ok(()) } else { self.file.sync_all() }
        };
        match write() {
            Err(error) if !state.is_empty() => Err(format!("the lock beside it cannot be written: {error}")),
            _ => Ok(()),
        }
    }
}

/// Who has the database at `db` now. Changes nothing.
///
/// # Errors
/// A sentence that says why that cannot be told.
pub fn holder(db: &Path) -> Result<Holder, String> {
    let path = path(db);
    let say =
        |error: std::io::Error| format!("whether a server has it open cannot be told: {}: {error}", path.display());
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(say(error)),
    };
    // Whoever wants the lock at this moment waits longer than this is kept.
    match file.try_lock_shared() {
        Ok(()) if said(&mut file).map_err(say)?.starts_with(RESTORING) => Ok(Holder::InterruptedRestore),
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => Ok(Holder::Process(name(&said(&mut file).map_err(say)?).to_owned())),
        Err(TryLockError::Error(error)) => Err(say(error)),
    }
}

/// What to do about a restore that did not end.
pub(super) fn interrupted(db: &Path, program: &str) -> String {
    let at = db.display();
    format!(
        "a restore of it was interrupted; run {program} restore FILE --db {at} again (what was there before is kept beside \
         it, as {at}.before-…)"
    )
}

fn path(db: &Path) -> PathBuf {
    named(&real(db), ".lock")
}

/// Another user's file can be locked without being written.
fn open(path: &Path) -> std::io::Result<File> {
    match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => File::open(path).map_err(|_| error),
        opened => opened,
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata().map(id), std::fs::metadata(path).map(id)), (Ok(opened), Ok(there)) if opened == there)
}

fn said(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MAX_LEN).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The process in what a lock's file says.
fn name(said: &str) -> &str {
    let said = said.strip_prefix(RESTORING).unwrap_or(said).trim();
    if said.is_empty() { "another process" } else { said }
}
