//! A backup in the place of a database, with whatever lies beside it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::{examined, files, refused, register, status, text};
use crate::program::{Program, run};

const NOBODY: &str = "127.0.0.1:1";

/// A folder as a killed server leaves it: `first` is in the backup beside it, `later` only in the database's log.
struct Left {
    folder: TempDir,
    db: PathBuf,
    backup: PathBuf,
}

impl Left {
    async fn by_a_killed_server() -> Left {
        let folder = tempfile::tempdir().expect("a folder");
        let (db, backup) = (folder.path().join("kez.db"), folder.path().join("backup.db"));
        let program = Program::start(folder.path(), &[]).await;
        register(&program, "first", 1).await;
        let (code, _, err) = run(&["backup", text(&backup), "--db", text(&db)], &[]).await;
        assert_eq!(code, Some(0), "{err}");
        register(&program, "later", 2).await;
        program.kill_and_wait().await;
        assert!(fs::metadata(folder.path().join("kez.db-wal")).is_ok_and(|log| log.len() > 0));
        Left { folder, db, backup }
    }

    async fn restore(&self, from: &Path) -> (Option<i32>, String, String) {
        run(&["restore", text(from), "--db", text(&self.db)], &[]).await
    }

    /// What the last restore put aside.
    fn aside(&self) -> PathBuf {
        let is_aside = |name: &String| name.starts_with("kez.db.before-") && name.ends_with('Z');
        let name = files(self.folder.path()).into_iter().rfind(is_aside).expect("a file");
        self.folder.path().join(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_takes_the_place_of_a_database_and_of_its_log_and_nothing_is_lost() {
    let left = Left::by_a_killed_server().await;
    let (code, report, err) = left.restore(&left.backup).await;
    assert_eq!(code, Some(0), "{err}");
    let aside = left.aside();
    for words in [text(&left.db), text(&left.backup), text(&aside)] {
        assert!(report.contains(words), "{words}: {report}");
    }
    assert!(!left.folder.path().join("kez.db-wal").exists());
    let line = examined(&left.db, NOBODY).await;
    assert!(line.starts_with("ok ") && line.contains("1 live handles"), "{line}");
    let program = Program::start(left.folder.path(), &[]).await;
    assert_eq!((status(&program, "first").await, status(&program, "later").await), (200, 404));
    program.kill_and_wait().await;
    // What was put aside is a database with its log, and goes back in the same way.
    let (code, _, err) = left.restore(&aside).await;
    assert_eq!(code, Some(0), "{err}");
    let program = Program::start(left.folder.path(), &[]).await;
    assert_eq!((status(&program, "first").await, status(&program, "later").await), (200, 200));
    assert!(files(left.folder.path()).iter().all(|name| !name.contains("restoring") && !name.contains("reading")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_put_beside_a_leftover_log_is_refused_and_both_say_why() {
    let left = Left::by_a_killed_server().await;
    fs::copy(&left.backup, &left.db).expect("as cp does");
    let log = left.folder.path().join("kez.db-wal");
    let before = fs::read(&log).expect("a log");
    for said in [refused(&left.db).await, examined(&left.db, NOBODY).await] {
        for words in [text(&left.db), text(&log), "was not written for it", "restore"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!said.contains("first start"), "{said}");
    }
    assert_eq!(fs::read(&log).expect("a log"), before, "it is as it was");
    // The file away, and the log still there: SQLite would throw the log away.
    fs::remove_file(&left.db).expect("it is ours");
    for said in [refused(&left.db).await, examined(&left.db, NOBODY).await] {
        assert!(said.contains(text(&log)) && !said.contains("first start"), "{said}");
    }
    assert_eq!(fs::read(&log).expect("a log"), before, "it is as it was");
    let (code, _, err) = left.restore(&left.backup).await;
    assert_eq!(code, Some(0), "{err}");
    let program = Program::start(left.folder.path(), &[]).await;
    assert_eq!((status(&program, "first").await, status(&program, "later").await), (200, 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_named_with_the_way_out_and_the_way_out_works() {
    let left = Left::by_a_killed_server().await;
    let whole = fs::read(&left.backup).expect("a copy");
    // In the middle, where only reading all of it tells.
    let mut torn = whole.clone();
    torn[8_192..].fill(0x55);
    let garbage = b"this is no database, but it is long enough to look at".repeat(200);
    for bytes in [garbage, torn] {
        for name in files(left.folder.path()).iter().filter(|name| name.starts_with("kez.db-")) {
            fs::remove_file(left.folder.path().join(name)).expect("it is ours");
        }
        fs::write(&left.db, &bytes).expect("it is ours");
        let line = examined(&left.db, NOBODY).await;
        let hint = format!("kez-chat-server restore FILE --db {}", text(&left.db));
        assert!(line.starts_with("FAIL") && line.contains(&hint) && !line.contains("first start"), "{line}");
        let err = refused(&left.db).await;
        assert!(err.contains(text(&left.db)) && err.contains("it is damaged") && err.contains("restore"), "{err}");
        let found = fs::read(&left.db).expect("it is there");
        let (code, _, err) = left.restore(&left.backup).await;
        assert_eq!(code, Some(0), "{err}");
        assert_eq!(fs::read(left.aside()).expect("it is there"), found, "also damage is put aside as it is");
        fs::remove_file(left.aside()).expect("it is ours");
        let program = Program::start(left.folder.path(), &[]).await;
        assert_eq!(status(&program, "first").await, 200);
        program.kill_and_wait().await;
    }
    // Only what is not there is made at the first start.
    let line = examined(&left.folder.path().join("none.db"), NOBODY).await;
    assert!(line.starts_with("FAIL") && line.contains("first start"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_servers_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &[]).await;
    register(&program, "tudisco", 1).await;
    let (db, backup) = (folder.path().join("kez.db"), folder.path().join("backup.db"));
    let (code, _, err) = run(&["backup", text(&backup), "--db", text(&db)], &[]).await;
    assert_eq!(code, Some(0), "{err}");
    let (inode, before) = (fs::metadata(&db).expect("it is there").ino(), files(folder.path()));
    let (code, _, err) = run(&["restore", text(&backup), "--db", text(&db)], &[]).await;
    let holder = format!("kez-chat-server, process {}", program.id());
    assert!(code == Some(1) && err.contains(text(&db)) && err.contains(&holder) && err.contains("stop"), "{err}");
    assert_eq!((fs::metadata(&db).expect("it is there").ino(), files(folder.path())), (inode, before));
    register(&program, "later", 2).await;
}

async fn sql(file: &Path, sql: &'static str) {
    let mut db = SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.expect("a file");
    sqlx::raw_sql(sql).execute(&mut db).await.expect("SQL");
    db.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_whole_backup_of_this_program_is_taken() {
    let left = Left::by_a_killed_server().await;
    let place = tempfile::tempdir().expect("a folder");
    let file = |name: &str| place.path().join(name);
    let whole = fs::read(&left.backup).expect("a copy");
    fs::write(file("garbage"), "nonsense".repeat(1_000)).expect("a file");
    fs::write(file("short"), &whole[..whole.len() / 2]).expect("a file");
    fs::write(file("newer"), &whole).expect("a file");
    sql(&file("newer"), "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)").await;
    sql(&file("foreign"), "CREATE TABLE bookmarks (name TEXT)").await;
    kez_store::sqlite::open_sigchains(&file("chains"), std::sync::Arc::new(()))
        .await
        .expect("a database")
        .close()
        .await;
    fs::create_dir(file("folder")).expect("a folder");
    let before = (fs::read(&left.db).expect("it is there"), files(left.folder.path()));
    for (name, words) in [
        ("none", "there is no such file"),
        ("folder", "it is a folder"),
        ("garbage", "not a database"),
        ("short", "damaged"),
        ("newer", "upgrade the program"),
        ("foreign", "no database of kez-chat-server"),
        ("chains", "no database of kez-chat-server"),
    ] {
        let (code, out, err) = left.restore(&file(name)).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{name}");
        assert!(err.contains(text(&file(name))) && err.contains(words), "{name}: {err}");
        assert_eq!((fs::read(&left.db).expect("it is there"), files(left.folder.path())), before, "{name}");
    }
    let (code, _, err) = left.restore(&left.db).await;
    assert!(code == Some(1) && err.contains("the database itself"), "{err}");
}

/// Between the old file's going and the new one's coming, a server would make an empty database.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_keeps_servers_from_starting_until_it_is_run_again() {
    let left = Left::by_a_killed_server().await;
    fs::write(left.folder.path().join("kez.db.lock"), "restoring: kez-chat-server, process 1\n").expect("it is ours");
    fs::rename(&left.db, left.folder.path().join("kez.db.before-2026-05-25T030000Z")).expect("it is ours");
    fs::remove_file(left.folder.path().join("kez.db-wal")).expect("it is ours");
    for said in [refused(&left.db).await, examined(&left.db, NOBODY).await] {
        assert!(said.contains("interrupted") && said.contains("kez-chat-server restore FILE --db"), "{said}");
    }
    assert!(!left.db.exists());
    let (code, _, err) = left.restore(&left.backup).await;
    assert_eq!(code, Some(0), "{err}");
    let program = Program::start(left.folder.path(), &[]).await;
    assert_eq!(status(&program, "first").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_keeps_its_owner_and_a_kept_receipt_key_comes_along() {
    let left = Left::by_a_killed_server().await;
    let is_root = fs::metadata(left.folder.path()).expect("it is there").uid() == 0;
    // The server's user is seldom the one who restores.
    let user = if is_root { 65_534 } else { fs::metadata(&left.db).expect("it is there").uid() };
    chown(&left.db, Some(user), None).expect("it is ours");
    fs::set_permissions(&left.db, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let key = left.folder.path().join("kez.db.receipt-key");
    let kept = left.folder.path().join("backup.db.receipt-key");
    fs::rename(&key, &kept).expect("it is ours");
    let (code, report, err) = left.restore(&left.backup).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(report.contains(text(&key)), "{report}");
    assert_eq!(fs::read(&key).expect("it is there"), fs::read(&kept).expect("it is there"));
    for (file, mode) in [(&left.db, 0o640), (&key, 0o600)] {
        let found = fs::metadata(file).expect("it is there");
        assert_eq!((found.uid(), found.mode() & 0o777), (user, mode), "{}", file.display());
    }
    assert_eq!(fs::metadata(left.folder.path().join("kez.db.lock")).expect("it is there").uid(), user);
    // Where none was kept, it says what that means.
    for file in [&key, &kept] {
        fs::remove_file(file).expect("it is ours");
    }
    let (code, report, err) = left.restore(&left.backup).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(report.contains(text(&key)) && report.contains("new key"), "{report}");
}
