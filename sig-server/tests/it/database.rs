//! The database's file as operators handle it: two servers on one, copies, restores, and places where none can be.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::{NAME, key};
use crate::owner::Owner;
use crate::program::{Program, run};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

async fn refused(folder: &Path, db: &Path) -> String {
    let (code, _, err) = run(folder, &["--bind", "127.0.0.1:0", "--db", text(db)]).await;
    assert_eq!(code, Some(1), "{err}");
    err
}

/// Adds an event to the chain.
async fn add(program: &Program, owner: &mut Owner, event: Vec<u8>) {
    assert_eq!(program.post(owner, event).await.map(|answer| answer.status), Some(201));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Program::start(folder.path()).await;
    let (db, link) = (folder.path().join("sig.db"), folder.path().join("link.db"));
    symlink(&db, &link).expect("a link");
    for name in [&db, &link] {
        let err = refused(folder.path(), name).await;
        let holder = format!("kez-sig-server, process {}", first.child.id().expect("it runs"));
        for words in [text(name), &holder, "stop that one"] {
            assert!(err.contains(words), "{words}: {err}");
        }
    }
    assert!(!folder.path().join("link.db.receipt-key").exists(), "it made nothing");
    first.child.kill().await.expect("it is killed");
    Program::start(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_a_server_and_takes_the_place_of_what_a_killed_one_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Program::start(folder.path()).await;
    let mut owner = Owner::new(1);
    let genesis = owner.genesis(NAME);
    add(&program, &mut owner, genesis).await;
    let (db, backup) = (folder.path().join("sig.db"), folder.path().join("backup.db"));
    let flags = |command: &'static str| [command, text(&backup), "--db", text(&db)];
    let (code, _, err) = run(folder.path(), &flags("backup")).await;
    assert_eq!(code, Some(0), "{err}");
    let claim = owner.claim("later.example", &key(1));
    add(&program, &mut owner, claim).await;
    let (code, _, err) = run(folder.path(), &flags("restore")).await;
    assert!(code == Some(1) && err.contains("has it open"), "{err}");
    program.child.kill().await.expect("it is killed");
    assert!(fs::metadata(folder.path().join("sig.db-wal")).is_ok_and(|log| log.len() > 0));

    fs::copy(&backup, folder.path().join("sig.db.copy")).expect("a copy");
    let (code, report, err) = run(folder.path(), &flags("restore")).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(report.contains(text(&db)) && report.contains(".before-"), "{report}");
    for (file, entries) in [("sig.db", "\"entries\":1"), (aside(folder.path()).as_str(), "\"entries\":2")] {
        let (code, report, err) = run(folder.path(), &["verify", "--db", file]).await;
        assert!(code == Some(0) && report.contains(entries), "{report}{err}");
    }
    // As cp would do it, beside a log that is left over.
    fs::copy(folder.path().join(format!("{}-wal", aside(folder.path()))), folder.path().join("sig.db-wal"))
        .expect("a copy");
    fs::copy(&backup, &db).expect("a copy");
    let err = refused(folder.path(), &db).await;
    assert!(err.contains("sig.db-wal") && err.contains("restore"), "{err}");
}

fn aside(folder: &Path) -> String {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names = names.map(|name| name.into_string().expect("UTF-8"));
    names.find(|name| name.starts_with("sig.db.before-") && name.ends_with('Z')).expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_names_the_path_and_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let garbage = folder.path().join("garbage.db");
    fs::write(&garbage, "nonsense".repeat(1_000)).expect("a file");
    for (db, words) in [
        (folder.path().to_owned(), "it is a folder"),
        (folder.path().join("none/sig.db"), "there is no folder"),
        (garbage.join("sig.db"), "is not a folder"),
        (garbage, "kez-sig-server restore FILE --db"),
    ] {
        let err = refused(folder.path(), &db).await;
        assert!(err.contains(text(&db)) && err.contains(words) && !err.contains("code: 14"), "{err}");
    }
}
