//! Whose database a file is, and whether it is whole.

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnection;

/// The databases of one program.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The program, as one calls it.
    pub(super) program: &'static str,
    /// The steps that make its tables.
    pub(super) steps: &'static Migrator,
}

/// All tables, step by step: those of the handles, and from step 1,001 on those of the sigchains. A step that was released
/// never changes, nor does its number.
static ALL: Migrator = sqlx::migrate!("migrations/sqlite");

/// What the steps of the sigchains' tables are numbered from.
const SIGCHAINS: i64 = 1_000;

/// A database of sigchains alone has only their tables, and numbers the steps from 1.
static ONLY_SIGCHAINS: LazyLock<Migrator> = LazyLock::new(|| {
    let steps = ALL.iter().filter(|step| step.version > SIGCHAINS).cloned().map(|mut step| {
        step.version -= SIGCHAINS;
        step
    });
    Migrator::with_migrations(steps.collect())
});

/// The databases of the home server.
pub static CHAT_SERVER: LazyLock<Kind> = LazyLock::new(|| Kind { program: "kez-chat-server", steps: &ALL });
/// The databases of the sigchain server.
pub static SIG_SERVER: LazyLock<Kind> = LazyLock::new(|| Kind { program: "kez-sig-server", steps: &ONLY_SIGCHAINS });

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is damaged, or not a database at all.
    Damaged(String),
    /// Another program made it.
    Foreign(&'static str),
    /// A newer version of the program made it, with this step.
    Newer(i64),
    /// A step was begun and not ended.
    Unfinished(i64),
}

impl Flaw {
    /// What SQLite found to be damaged, if that is what it says.
    pub(super) fn of(error: &sqlx::Error) -> Option<Flaw> {
        // SQLITE_CORRUPT and SQLITE_NOTADB
        matches!(code(error), Some(11 | 26)).then(|| Flaw::Damaged(error.to_string()))
    }
}

/// What to say of an error at a database that is open: of damage, also what to do.
pub(super) fn say(error: &sqlx::Error) -> String {
    match Flaw::of(error) {
        Some(flaw) => format!("{flaw}; stop the server, and put a backup in its place with restore"),
        None => error.to_string(),
    }
}

/// SQLite's primary result code (<https://www.sqlite.org/rescode.html>).
pub(super) fn code(error: &sqlx::Error) -> Option<i32> {
    let extended = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(extended & 0xff)
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Damaged(what) => write!(f, "it is damaged: {what}"),
            Flaw::Foreign(program) => write!(f, "it is no database of {program}"),
            Flaw::Newer(step) => write!(
                f,
                "it was written by a newer version of this program (its schema has step {step}); upgrade the program"
            ),
            Flaw::Unfinished(step) => write!(f, "an upgrade of it was not ended (step {step} of its schema)"),
        }
    }
}

impl Kind {
    /// Reads all of the database: whether it is whole, this program's, and not of a newer version.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) async fn check(&self, db: &mut SqliteConnection) -> Result<(), Flaw> {
        let damaged = |error: sqlx::Error| Flaw::Damaged(error.to_string());
        let whole: String =
            sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut *db).await.map_err(damaged)?;
        if whole != "ok" {
            return Err(Flaw::Damaged(whole));
        }
        let made: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *db)
            .await
            .map_err(damaged)?;
        if made == 0 {
            return Err(Flaw::Foreign(self.program));
        }
        let steps = "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version";
        let steps: Vec<(i64, Vec<u8>, bool)> = sqlx::query_as(steps).fetch_all(db).await.map_err(damaged)?;
        self.judge(&steps)
    }

    fn judge(&self, steps: &[(i64, Vec<u8>, bool)]) -> Result<(), Flaw> {
        let known = |version: i64| self.steps.iter().find(|step| step.version == version);
        let is_foreign = |(version, checksum, _): &(i64, Vec<u8>, bool)| {
            known(*version).is_some_and(|step| *step.checksum != **checksum)
        };
        if steps.is_empty() || steps.iter().any(is_foreign) {
            return Err(Flaw::Foreign(self.program));
        }
        for (version, _, success) in steps {
            if known(*version).is_none() {
                return Err(Flaw::Newer(*version));
            }
            if !success {
                return Err(Flaw::Unfinished(*version));
            }
        }
        Ok(())
    }

    /// What to do about the flaw of the database at `db`, where a backup would do.
    pub(super) fn remedy(&self, flaw: &Flaw, db: &Path) -> String {
        match flaw {
            Flaw::Newer(_) => flaw.to_string(),
            _ => format!("{flaw}; {}", self.restore_hint(db)),
        }
    }

    /// How to put a backup in the place of the database at `db`.
    pub(super) fn restore_hint(&self, db: &Path) -> String {
        format!("put a backup in its place: {} restore FILE --db {}", self.program, db.display())
    }
}
