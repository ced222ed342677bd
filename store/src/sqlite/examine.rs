//! A database as the doctor looks at it.

use std::io::ErrorKind;
use std::path::Path;

use super::lock::{Holder, holder, interrupted};
use super::place::{Use, obstacle, stray_log};
use sqlx::{ConnectOptions as _, Connection as _};

use super::connect::{explain, options};
use super::kind::CHAT_SERVER;

/// Why it is no fault that there is none yet.
const AT_FIRST: &str = "the server makes it at its first start";

/// Looks at the database at `path` without changing it: whether it is there, whole, of this program's version, and can be
/// written, and which process has it open. Gives a few words about it. Not for a process that has it open itself.
///
/// # Errors
/// What is wrong with it, and what to do.
pub async fn examine(path: &Path) -> Result<String, String> {
    if let Some(why) = obstacle(path, Use::Write) {
        let is_missing = std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        return Err(if is_missing { format!("{why}; {AT_FIRST}") } else { why });
    }
    let holder = holder(path);
    if holder == Ok(Holder::InterruptedRestore) {
        return Err(interrupted(path, CHAT_SERVER.program));
    }
    if let Some(why) = stray_log(path) {
        return Err(why);
    }
    if !path.exists() {
        return Err(format!("there is no such file; {AT_FIRST}"));
    }
    let said = |error: sqlx::Error| explain(path, &CHAT_SERVER, &error);
    let mut db = options(path).connect().await.map_err(said)?;
    CHAT_SERVER.check(&mut db).await.map_err(|flaw| CHAT_SERVER.remedy(&flaw, path))?;
    let live: i64 = sqlx::query_scalar("SELECT count(*) FROM handles WHERE released_at IS NULL")
        .fetch_one(&mut db)
        .await
        .map_err(said)?;
    // Takes the lock that a change takes, and gives it back.
    for statement in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        sqlx::query(statement).execute(&mut db).await.map_err(said)?;
    }
    db.close().await.map_err(said)?;
    let holder = match holder {
        Ok(Holder::Process(who)) => format!("open in {who}"),
        Ok(Holder::Nobody | Holder::InterruptedRestore) => "open in no server".to_owned(),
        Err(why) => why,
    };
    Ok(format!("whole and writable, {live} live handles, {holder}"))
}
