//! What stands in the way of a database. SQLite says "unable to open database file" for a dozen reasons; this looks at the
//! path and says which one it is, for which user, and what to do.
//!
//! It asks the system instead of opening the database: closing a file ends all locks that SQLite has on it in this process.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

/// What is to be done with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is read, and has to be there.
    Read,
    /// It is written, and is made if it is not there; its log and its lock are kept beside it.
    Write,
}

/// Files that SQLite keeps beside a database: the log of WAL mode, its index, and the journal of the other mode.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A sentence on what keeps this process from using the database at `db`; none when nothing is seen.
pub(crate) fn obstacle(db: &Path, wanted: Use) -> Option<String> {
    let file = real(db);
    match fs::metadata(&file) {
        Ok(found) if found.is_dir() => {
            return Some(format!("it is a folder; name a file in it, such as {}", file.join("kez.db").display()));
        }
        Ok(found) if !found.is_file() => return Some("it is not a file".to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return closed(&file),
        Err(_) if wanted == Use::Read => return Some("there is no such file".to_owned()),
        Err(_) => return in_folder(&file),
    }
    match wanted {
        Use::Read => denied(&file, Access::READ_OK, "read", "the file"),
        Use::Write => {
            let beside = COMPANIONS.iter().map(|end| named(&file, end)).filter(|beside| beside.exists());
            let files = std::iter::once(file.clone()).chain(beside);
            let writable = |file: PathBuf| denied(&file, Access::READ_OK | Access::WRITE_OK, "write", "the file");
            in_folder(&file).or_else(|| files.into_iter().find_map(writable))
        }
    }
}

/// Why no file can be made at `path`; none when nothing is seen.
pub(super) fn in_folder(path: &Path) -> Option<String> {
    let folder = folder_of(&real(path));
    match fs::metadata(&folder) {
        Ok(found) if !found.is_dir() => Some(format!("{} is not a folder", folder.display())),
        Ok(_) => denied(&folder, Access::WRITE_OK | Access::EXEC_OK, "write in", "the folder"),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => closed(&folder),
        Err(_) => Some(format!("there is no folder {}; make one that {} may write in", folder.display(), me())),
    }
}

/// Whether this process may make files beside `path`.
pub(super) fn is_writable_beside(path: &Path) -> bool {
    access(folder_of(path), Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn denied(path: &Path, wanted: Access, verb: &str, what: &str) -> Option<String> {
    match access(path, wanted) {
        Err(Errno::ACCESS | Errno::PERM) => {
            let (me, at) = (me(), path.display());
            let chown = format!("chown {} {at}", rustix::process::geteuid().as_raw());
            Some(format!("{me} may not {verb} {what} {at}, which {}; {chown}, or run as its owner", owner(path)))
        }
        Err(Errno::ROFS) => Some(format!(
            "{what} {} is on a file system that is mounted read-only, and has to be writable",
            path.display()
        )),
        _ => None,
    }
}

/// The folder on the way to `path` that may not be entered.
fn closed(path: &Path) -> Option<String> {
    let folder = path.ancestors().skip(1).find(|folder| fs::metadata(folder).is_ok())?;
    denied(folder, Access::EXEC_OK, "look into", "the folder")
}

fn me() -> String {
    format!("user {}", rustix::process::geteuid().as_raw())
}

fn owner(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(found) => format!("belongs to user {} (mode {:04o})", found.uid(), found.mode() & 0o7777),
        Err(_) => "belongs to another".to_owned(),
    }
}

/// Why the database at `db` is not what the log beside it belongs to. SQLite does not notice: it reads the log into the
/// file, or throws it away. Opens the file, so it is for processes that have it open nowhere. None when nothing is seen.
pub(super) fn stray_log(db: &Path) -> Option<String> {
    let file = real(db);
    let log = named(&file, "-wal");
    if fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
        return None;
    }
    match header(&file) {
        None => Some(format!(
            "it is missing or empty, and {} holds changes of it; put back the file that belongs to it, or take that log away",
            log.display()
        )),
        // The log is made after the file says so, and a copy that `backup` wrote says otherwise.
        Some(header) if header.starts_with(b"SQLite format 3\0") && header[18] == 1 => Some(format!(
            "{} was not written for it: a copy was put in the place of the database that it belongs to; take that log away, \
             or put the copy elsewhere and use restore",
            log.display()
        )),
        Some(_) => None,
    }
}

/// The first bytes of the file (<https://www.sqlite.org/fileformat2.html#the_database_header>).
fn header(file: &Path) -> Option<[u8; 20]> {
    use std::io::Read as _;
    let mut header = [0; 20];
    fs::File::open(file).ok()?.read_exact(&mut header).ok()?;
    Some(header)
}

/// The file that a path names in the end, also when it is not there yet. SQLite keeps its files beside that one.
pub(super) fn real(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder_of(&path).join(target);
    }
    match (folder_of(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// `path` with something appended to its name.
pub(super) fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
