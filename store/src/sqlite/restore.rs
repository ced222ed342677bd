//! A backup in the place of a database.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, fchown};
use std::path::{Path, PathBuf};

use kez_core::Timestamp;
use sqlx::sqlite::SqliteConnection;
use zeroize::Zeroizing;

use super::backup::write;
use super::kind::Kind;
use super::lock::Lock;
use super::place::{COMPANIONS, Use, folder_of, named, obstacle, real};
use super::snapshot::Snapshot;
use crate::receipt_key;

/// Puts a copy of the backup at `from` in the place of the database at `db`, which no server may have open. The backup is
/// read as it is, with a log that lies beside it, and checked before anything is touched. What was at `db` is put aside
/// with its log, the new file takes its place in one step and has its owner; a receipt key that lies beside the backup
/// is taken along where there is none. Gives lines on what was done, for people.
///
/// # Errors
/// A sentence that names the file and what to do. Then what was at `db` is there still; only a step that the system
/// refuses half-way leaves it put aside, and then no server starts until `restore` has run again.
pub async fn restore(kind: &Kind, from: &Path, db: &Path, now: Timestamp) -> Result<String, String> {
    let of = |path: &Path, why: String| format!("{}: {why}", path.display());
    let at = real(db);
    if real(from) == at {
        return Err(of(from, "this is the database itself; name a backup of it".to_owned()));
    }
    if let Some(why) = obstacle(db, Use::Write) {
        return Err(of(db, why));
    }
    let mut lock = Lock::take_to_restore(db, kind.program).await.map_err(|why| of(db, why))?;
    let (new, scratch) = (named(&at, ".restoring"), named(&at, ".reading"));
    let new = Unplaced::new(new, &scratch).map_err(|error| of(db, error.to_string()))?;
    let mut source = Snapshot::open(from, &scratch).await.map_err(|why| of(from, why))?;
    let checked = kind.check(&mut source.connection).await;
    let signs = has_receipt_keys(&mut source.connection).await;
    let written = match &checked {
        Ok(()) => write(&mut source.connection, &new.0).await,
        Err(_) => Ok(()),
    };
    let closed = source.close().await;
    checked.map_err(|flaw| of(from, flaw.to_string()))?;
    written.map_err(|why| of(&new.0, why))?;
    closed.map_err(|error| of(from, error.to_string()))?;
    let owner = Owner::of(&at);
    owner.give(&new.0).map_err(|why| of(db, why))?;
    // Also the lock's file: whoever runs this may be another than the server.
    owner.give_file(lock.file());
    lock.begin_restoring().map_err(|why| of(db, why))?;
    let aside = put_aside(&at, now).map_err(|error| of(db, format!("it cannot be put aside: {error}")))?;
    new.place(&at).map_err(|error| of(db, format!("the copy cannot be put in its place: {error}")))?;
    lock.end_restoring().map_err(|why| of(db, why))?;
    let mut report = format!("{} is now a copy of {}\n", db.display(), from.display());
    if let Some(aside) = aside {
        report.push_str(&format!("what was there is {}; remove it when all is well\n", aside.display()));
    }
    if signs {
        report.push_str(&take_receipt_key(from, db, &owner));
    }
    Ok(report)
}

/// The copy, until it is in its place.
struct Unplaced(PathBuf);

impl Unplaced {
    /// A path at which nothing is, and a folder that is not there; somebody who was interrupted may have left something.
    fn new(path: PathBuf, scratch: &Path) -> io::Result<Unplaced> {
        remove(&path)?;
        if scratch.is_dir() {
            fs::remove_dir_all(scratch)?;
        }
        for end in COMPANIONS {
            remove(&named(&path, end))?;
        }
        Ok(Unplaced(path))
    }

    /// In one step, durably.
    fn place(&self, at: &Path) -> io::Result<()> {
        fs::rename(&self.0, at)?;
        File::open(folder_of(at))?.sync_all()
    }
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        // It is in its place.
        let _ = remove(&self.0);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a database and what SQLite keeps beside it another name, under which they still belong together. None when there
/// was nothing.
fn put_aside(at: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let ends = || std::iter::once("").chain(COMPANIONS);
    let is_free = |name: &PathBuf| ends().all(|end| named(name, end).symlink_metadata().is_err());
    let stamp = now.to_string().replace(':', "");
    let names = (1_u32..).map(|n| if n == 1 { format!(".before-{stamp}") } else { format!(".before-{stamp}-{n}") });
    let Some(aside) = names.map(|name| named(at, &name)).find(is_free) else { return Ok(None) };
    let mut found = None;
    for end in ends() {
        match fs::rename(named(at, end), named(&aside, end)) {
            Ok(()) => found = found.or_else(|| Some(named(&aside, end))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    File::open(folder_of(at))?.sync_all()?;
    Ok(found)
}

/// Whose the files are, and who else may read them.
struct Owner {
    user: u32,
    group: u32,
    /// The old database's mode; where there was none, the new file keeps its own.
    mode: Option<u32>,
}

impl Owner {
    /// As of the database at `at`, or of its folder where there is none.
    fn of(at: &Path) -> Owner {
        let there = fs::metadata(at).map(|found| (found.uid(), found.gid(), Some(found.mode() & 0o777)));
        let (user, group, mode) = there.unwrap_or_else(|_| {
            let folder = fs::metadata(folder_of(at));
            folder.map_or((0, 0, None), |folder| (folder.uid(), folder.gid(), None))
        });
        Owner { user, group, mode }
    }

    fn give(&self, path: &Path) -> Result<(), String> {
        let found = fs::metadata(path).map_err(|error| error.to_string())?;
        if (found.uid(), found.gid()) != (self.user, self.group)
            && let Err(error) = chown(path, Some(self.user), Some(self.group))
            && found.uid() != self.user
        {
            return Err(format!(
                "its copy cannot be given to user {}, run this as that user or root: {error}",
                self.user
            ));
        }
        let Some(mode) = self.mode else { return Ok(()) };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| error.to_string())
    }

    /// Where that does not work, the file can be used all the same.
    fn give_file(&self, file: &File) {
        let _ = fchown(file, Some(self.user), Some(self.group));
    }
}

/// Whether the server of this database ever signed receipts.
async fn has_receipt_keys(db: &mut SqliteConnection) -> bool {
    // A database of the first versions has no such table.
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM receipt_keys)").fetch_one(db).await.unwrap_or(false)
}

/// The receipt key is no part of a backup: whoever kept it keeps it beside one.
fn take_receipt_key(from: &Path, db: &Path, owner: &Owner) -> String {
    let (kept, wanted) = (receipt_key::path(from), receipt_key::path(db));
    if wanted.exists() {
        return String::new();
    }
    let copied = fs::read(&kept).map(Zeroizing::new).and_then(|bytes| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&wanted)?;
        owner.give_file(&file);
        file.write_all(&bytes)?;
        file.sync_all()
    });
    match copied {
        Ok(()) => format!("{} is the one that lay beside the backup\n", wanted.display()),
        Err(_) => format!(
            "{} is missing: put back the one that was kept, readable by the server's user alone, or the server signs receipts \
             with a new key\n",
            wanted.display()
        ),
    }
}
