//! What is kept beside the key file: a folder of its own, in it one SQLite file, for one process at a time.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kez_conversation::{Batch, Snapshot};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::seal::Seal;
use crate::failure::{Failure, Local};

/// How long a statement waits for a program that looks at the file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The folder of a key file's conversations: `chat` beside `key.json`, `x.chat` beside `x.json`.
pub(super) fn folder(key_file: &Path) -> PathBuf {
    match key_file.file_stem() {
        Some(stem) if stem != "key" => {
            let mut name = stem.to_owned();
            name.push(".chat");
            key_file.with_file_name(name)
        }
        _ => key_file.with_file_name("chat"),
    }
}

/// The right to use a folder, which one process at a time has.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// None where another process has it.
    pub(super) fn take(folder: &Path) -> Result<Option<Lock>, Failure> {
        let failed = |error: io::Error| no_use(folder, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let file = private(&folder.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Values by name, each change durable before it is answered.
pub(super) struct Records {
    connection: SqliteConnection,
    folder: PathBuf,
    seal: Option<Seal>,
    /// What is written, as it was before it was sealed.
    kept: Snapshot,
    _lock: Lock,
}

/// The machine's records and those of this program are apart.
const MACHINES: &str = "m/";
const OURS: &str = "o/";
/// What a value in the file begins with.
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

impl Records {
    /// Opens what is kept, or begins it. `seal` closes and opens each value, where the key file has a passphrase.
    pub(super) async fn open(folder: &Path, lock: Lock, seal: Option<Seal>) -> Result<Records, Failure> {
        let path = folder.join("chat.db");
        let failed = |error: sqlx::Error| no_use(&path, &error);
        private(&path).map_err(|error| no_use(&path, &error))?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // Nothing that is made from a record leaves before the record is on the disk.
            .synchronous(SqliteSynchronous::Full)
            // Keys that were let go of are not to be found in the file.
            .pragma("secure_delete", "on")
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        let table =
            "CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID";
        sqlx::query(table).execute(&mut connection).await.map_err(failed)?;
        let rows = sqlx::query("SELECT name, value FROM records").fetch_all(&mut connection).await.map_err(failed)?;
        let mut kept = BTreeMap::new();
        for row in rows {
            let (name, value): (String, Vec<u8>) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
            let opened = match (&seal, value.split_first()) {
                (Some(seal), Some((&SEALED, value))) => seal.open(&name, value),
                (None, Some((&PLAIN, value))) => Some(value.to_vec().into()),
                _ => None,
            };
            let value = opened.ok_or_else(|| {
                let detail = format!(
                    "{} was not written with this key and passphrase, or was changed since. Put a backup in its place, or \
                     move it away to begin anew: conversations are joined again, and what was said is lost here.",
                    path.display()
                );
                Failure::new(Local::ChatBroken, detail)
            })?;
            kept.insert(name, value);
        }
        Ok(Records { connection, folder: folder.to_owned(), seal, kept, _lock: lock })
    }

    /// Puts everything into one file, which is then whole by itself.
    pub(super) async fn close(self) {
        // What is in the log beside the file is durable, too.
        let _ = self.connection.close().await;
    }

    /// The folder that these are in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The machine's records.
    pub(super) fn machines(&self) -> Snapshot {
        let theirs = self.kept.range(MACHINES.to_owned()..);
        theirs.map_while(|(name, value)| Some((name.strip_prefix(MACHINES)?.to_owned(), value.clone()))).collect()
    }

    /// The machine's records whose names begin like this, in order.
    pub(super) fn of_machine<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.named(format!("{MACHINES}{prefix}"), MACHINES)
    }

    /// This program's own records whose names begin like this, in order.
    pub(super) fn of_ours<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.named(format!("{OURS}{prefix}"), OURS)
    }

    /// One of this program's own records.
    pub(super) fn ours(&self, name: &str) -> Option<&[u8]> {
        self.kept.get(&format!("{OURS}{name}")).map(|value| value.as_slice())
    }

    /// The machine's records whose names begin like this, behind the one with this end.
    pub(super) fn of_machine_after<'a>(
        &'a self,
        prefix: &str,
        after: &str,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let prefix = format!("{MACHINES}{prefix}");
        let after = (Bound::Excluded(format!("{prefix}{after}")), Bound::Unbounded);
        let later = self.kept.range::<String, _>(after);
        later
            .take_while({
                let prefix = prefix.clone();
                move |(name, _)| name.starts_with(&prefix)
            })
            .filter_map(move |(name, value)| Some((name.strip_prefix(&prefix)?, value.as_slice())))
    }

    fn named<'a>(&'a self, prefix: String, kind: &'static str) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let from = self.kept.range(prefix.clone()..);
        from.take_while(move |(name, _)| name.starts_with(&prefix))
            .filter_map(move |(name, value)| Some((name.strip_prefix(kind)?, value.as_slice())))
    }

    /// Writes the machine's changes and this program's, all or none.
    pub(super) async fn write(&mut self, machines: Batch, ours: Batch) -> Result<(), Failure> {
        let all = [(MACHINES, machines), (OURS, ours)];
        let all = all
            .into_iter()
            .flat_map(|(kind, batch)| batch.0.into_iter().map(move |(name, value)| (format!("{kind}{name}"), value)));
        let changes = Batch(all.collect());
        if changes.is_empty() {
            return Ok(());
        }
        let mut sealed = Vec::with_capacity(changes.0.len());
        for (name, value) in &changes.0 {
            let value = match (value, &self.seal) {
                (Some(value), Some(seal)) => Some([&[SEALED][..], &seal.seal(name, value)?].concat()),
                (Some(value), None) => Some([&[PLAIN][..], value.as_slice()].concat()),
                (None, _) => None,
            };
            sealed.push((name, value));
        }
        let path = self.folder.join("chat.db");
        let failed = |error: sqlx::Error| no_use(&path, &error);
        let mut transaction = self.connection.begin().await.map_err(failed)?;
        for (name, value) in sealed {
            let query = match value {
                Some(value) => {
                    sqlx::query("INSERT OR REPLACE INTO records (name, value) VALUES (?1, ?2)").bind(name).bind(value)
                }
                None => sqlx::query("DELETE FROM records WHERE name = ?1").bind(name),
            };
            query.execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)?;
        changes.apply(&mut self.kept);
        Ok(())
    }
}

/// The file, made if there is none, for its owner alone.
fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn no_use(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Local::Io, format!("{} cannot be used: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use kez_core::SigningKey;
    use tempfile::TempDir;

    use super::*;

    async fn open(folder: &TempDir, seal: Option<u8>) -> Result<Records, Failure> {
        let folder = folder.path().join("chat");
        let lock = Lock::take(&folder)?.expect("nobody else has it");
        Records::open(&folder, lock, seal.map(|seed| Seal::of(&SigningKey::from_seed(&[seed; 32])))).await
    }

    fn batch(changes: &[(&str, Option<&str>)]) -> Batch {
        let changes = changes.iter();
        Batch(
            changes
                .map(|(name, value)| ((*name).to_owned(), value.map(|value| value.as_bytes().to_vec().into())))
                .collect(),
        )
    }

    fn contains(folder: &TempDir, text: &[u8]) -> bool {
        let files = fs::read_dir(folder.path().join("chat")).expect("it is there");
        files
            .map(|file| fs::read(file.expect("it is listed").path()).expect("it can be read"))
            .any(|bytes| bytes.windows(text.len()).any(|some| some == text))
    }

    #[tokio::test]
    async fn what_is_written_is_there_again_and_apart() {
        let folder = tempfile::tempdir().expect("there is room");
        let mut records = open(&folder, None).await.expect("it opens");
        records
            .write(batch(&[("a/1", Some("x")), ("a/2", Some("y"))]), batch(&[("a/1", Some("ours"))]))
            .await
            .expect("fits");
        records.write(batch(&[("a/2", None)]), Batch::default()).await.expect("it fits");
        drop(records);
        let records = open(&folder, None).await.expect("it opens");
        assert_eq!(records.machines(), [("a/1".to_owned(), b"x".to_vec().into())].into());
        assert_eq!(records.ours("a/1"), Some(&b"ours"[..]));
        assert_eq!(records.of_ours("a/").collect::<Vec<_>>(), [("a/1", &b"ours"[..])]);
        assert_eq!(records.of_machine_after("a/", "0").collect::<Vec<_>>(), [("1", &b"x"[..])]);
        assert_eq!(records.of_machine_after("a/", "1").count(), 0);
    }

    #[tokio::test]
    async fn one_process_at_a_time_and_nobody_elses_eyes() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("there is room");
        let records = open(&folder, None).await.expect("it opens");
        let chat = folder.path().join("chat");
        assert!(Lock::take(&chat).expect("it can be asked").is_none());
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&chat), 0o700);
        for file in fs::read_dir(&chat).expect("it is there") {
            let path = file.expect("it is listed").path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        drop(records);
        assert!(Lock::take(&chat).expect("it can be asked").is_some());
    }

    #[tokio::test]
    async fn what_a_passphrase_seals_nobody_reads_without_it() {
        let folder = tempfile::tempdir().expect("there is room");
        let mut records = open(&folder, Some(1)).await.expect("it opens");
        records.write(batch(&[("a", Some("a secret text"))]), Batch::default()).await.expect("it fits");
        assert!(!contains(&folder, b"a secret text"));
        drop(records);
        assert!(open(&folder, Some(1)).await.is_ok_and(|records| records.machines().len() == 1));
        for other in [None, Some(2)] {
            let opened = open(&folder, other).await;
            assert!(opened.is_err_and(|failure| failure.is_local(Local::ChatBroken)));
        }
    }

    #[test]
    fn the_folder_is_beside_the_key() {
        for (key, wanted) in [("/x/key.json", "/x/chat"), ("/x/bob.json", "/x/bob.chat"), ("bob.json", "bob.chat")] {
            assert_eq!(folder(Path::new(key)), Path::new(wanted));
        }
    }
}
