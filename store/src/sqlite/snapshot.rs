//! A database that is read as it is, wherever it lies: beside a server that writes it, or in a folder where nothing can be
//! written.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use super::connect::options;
use super::kind::Flaw;
use super::place::{Use, is_writable_beside, named, obstacle, real};

/// A connection that reads, and what it needs.
pub(super) struct Snapshot {
    pub(super) connection: SqliteConnection,
    copy: Option<Copy>,
}

impl Snapshot {
    /// Opens the database at `from`. Where its log can only be read from a copy, that copy is made in `scratch`, which must
    /// not be there yet, and goes with the snapshot.
    ///
    /// # Errors
    /// A sentence that says why it cannot be read.
    pub(super) async fn open(from: &Path, scratch: &Path) -> Result<Snapshot, String> {
        if let Some(why) = obstacle(from, Use::Read) {
            return Err(why);
        }
        let error = match read(from, false).await {
            Ok(connection) => return Ok(Snapshot { connection, copy: None }),
            Err(error) => error,
        };
        let file = real(from);
        if let Some(flaw) = Flaw::of(&error) {
            return Err(flaw.to_string());
        }
        if is_writable_beside(&file) {
            return Err(error.to_string());
        }
        // SQLite reads a database in WAL mode only where it can make the log's index. Without a log there is nothing to
        // index, and whoever could write it would have one.
        let log = named(&file, "-wal");
        if fs::metadata(&log).map_or(0, |log| log.len()) == 0 {
            let connection = read(&file, true).await.map_err(|error| error.to_string())?;
            return Ok(Snapshot { connection, copy: None });
        }
        let copy = Copy::new(&file, scratch).await?;
        let connection = read(&copy.file(), false).await.map_err(|error| error.to_string())?;
        Ok(Snapshot { connection, copy: Some(copy) })
    }

    /// Closes it, and removes what was made for it.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        let Snapshot { connection, copy } = self;
        let closed = connection.close().await;
        drop(copy);
        closed
    }
}

async fn read(path: &Path, immutable: bool) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = options(path).read_only(true).immutable(immutable).connect().await?;
    // Opening reads nothing yet.
    sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await?;
    Ok(connection)
}

/// A folder with a copy of a database and its log.
struct Copy(PathBuf);

impl Copy {
    async fn new(file: &Path, folder: &Path) -> Result<Copy, String> {
        let (from, to) = (file.to_owned(), folder.to_owned());
        let copied = tokio::task::spawn_blocking(move || {
            fs::DirBuilder::new().mode(0o700).create(&to)?;
            let copy = Copy(to);
            fs::copy(&from, copy.file())?;
            fs::copy(named(&from, "-wal"), named(&copy.file(), "-wal"))?;
            io::Result::Ok(copy)
        });
        let say = |error: String| format!("it cannot be copied into {}: {error}", folder.display());
        copied.await.map_err(|error| say(error.to_string()))?.map_err(|error| say(error.to_string()))
    }

    fn file(&self) -> PathBuf {
        self.0.join("copy.db")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a copy that is not needed is still there");
        }
    }
}
