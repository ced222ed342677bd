//! A copy of a database: consistent, also while a server uses it, and on the disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use sqlx::sqlite::SqliteConnection;

use super::place::{folder_of, in_folder, named};
use super::snapshot::Snapshot;

/// Writes a consistent copy of the database at `from` to the new file `to`, also while a server uses it, and also from
/// where nothing can be written. No file is ever overwritten.
///
/// # Errors
/// A sentence that names the file: `from` is missing or unreadable, or `to` exists or cannot be written.
pub async fn backup(from: &Path, to: &Path) -> Result<(), String> {
    let of = |path: &Path, why: String| format!("{}: {why}", path.display());
    if to.symlink_metadata().is_ok() {
        return Err(of(to, "there is such a file, and a backup overwrites none".to_owned()));
    }
    if let Some(why) = in_folder(to) {
        return Err(of(to, why));
    }
    let mut source = Snapshot::open(from, &named(to, ".reading")).await.map_err(|why| of(from, why))?;
    let written = write(&mut source.connection, to).await;
    let closed = source.close().await;
    written.map_err(|why| of(to, why))?;
    closed.map_err(|error| of(from, error.to_string()))
}

/// Writes what `source` reads to the new file `to`, and syncs it; what could not be finished is taken away.
pub(super) async fn write(source: &mut SqliteConnection, to: &Path) -> Result<(), String> {
    let target = to.to_str().ok_or("its path is not UTF-8")?;
    let written = sqlx::query("VACUUM INTO ?").bind(target).execute(source).await.map_err(|error| error.to_string());
    let synced = match written {
        Ok(_) => sync(to).await,
        Err(error) => Err(error),
    };
    if synced.is_err() {
        // It may not have been begun.
        let _ = fs::remove_file(to);
    }
    synced
}

/// The copy is worth something only once it is on the disk, its name included.
async fn sync(file: &Path) -> Result<(), String> {
    let file = file.to_owned();
    let synced = tokio::task::spawn_blocking(move || {
        File::open(&file)?.sync_all()?;
        File::open(folder_of(&file))?.sync_all()?;
        io::Result::Ok(())
    });
    synced.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
