//! Places where no database can be: whose fault it is, which path, and what is missing.

use std::fs;
use std::path::Path;

use super::user::{User, mode};
use super::{examined, refused, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_cannot_hold_a_file_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    for (db, path, words) in [
        (folder.path().to_owned(), folder.path().to_owned(), "it is a folder"),
        (folder.path().join("none/kez.db"), folder.path().join("none"), "there is no folder"),
        (folder.path().join("none/deep/kez.db"), folder.path().join("none/deep"), "there is no folder"),
        (file.join("kez.db"), file.clone(), "is not a folder"),
    ] {
        let err = refused(&db).await;
        assert!(err.contains(text(&db)) && err.contains(text(&path)) && err.contains(words), "{err}");
        assert!(!err.contains("code: 14"), "{err}");
        let line = examined(&db, "127.0.0.1:1").await;
        assert!(line.starts_with("FAIL") && line.contains(words), "{line}");
    }
}

#[test]
fn who_may_not_do_what_where_is_named() {
    let user = User::new();
    let me = format!("user {} may not", user.id);
    let (locked, closed, open) =
        (user.folder("locked", 0o555), user.folder("closed", 0o000), user.folder("open", 0o755));
    user.give(&open);
    let (unreadable, fixed) = (open.join("unreadable.db"), open.join("fixed.db"));
    for (file, of_mode) in [(&unreadable, 0o000), (&fixed, 0o444)] {
        fs::write(file, "").expect("a file");
        mode(file, of_mode);
    }
    let fix = |path: &Path| format!("chown {} {}", user.id, text(path));
    for (db, path, words) in [
        (locked.join("kez.db"), locked.clone(), "write in the folder"),
        (closed.join("kez.db"), closed.clone(), "look into the folder"),
        (closed.join("deep/kez.db"), closed.clone(), "look into the folder"),
        (unreadable.clone(), unreadable, "write the file"),
        (fixed.clone(), fixed, "write the file"),
    ] {
        let (code, err) = user.run(&["--bind", "127.0.0.1:0", "--db", text(&db)]);
        assert_eq!(code, Some(1), "{err}");
        for words in [text(&db), &me, words, &fix(&path), "(mode 0"] {
            assert!(err.contains(words), "{words}: {err}");
        }
    }
    // The log beside it counts, too.
    let db = open.join("kez.db");
    let log = open.join("kez.db-wal");
    fs::write(&db, "").expect("a file");
    fs::write(&log, "").expect("a file");
    user.give(&db);
    mode(&log, 0o000);
    let (code, err) = user.run(&["--bind", "127.0.0.1:0", "--db", text(&db)]);
    assert!(code == Some(1) && err.contains(&me) && err.contains(text(&log)), "{err}");
    // So does the key that signs receipts.
    let secret = open.join("own.db.receipt-key");
    fs::write(&secret, "").expect("a file");
    mode(&secret, 0o000);
    let (code, err) = user.run(&["--bind", "127.0.0.1:0", "--db", text(&open.join("own.db"))]);
    assert!(code == Some(1) && err.contains(&me) && err.contains(&fix(&secret)), "{err}");
    // Copies have places, too.
    let (code, err) = user.run(&["backup", text(&locked.join("copy.db")), "--db", text(&db)]);
    assert!(code == Some(1) && err.contains(&me) && err.contains(text(&locked)), "{err}");
    let (code, err) = user.run(&["backup", text(&open.join("copy.db")), "--db", text(&open.join("none.db"))]);
    assert!(code == Some(1) && err.contains("none.db") && err.contains("no such file"), "{err}");
}
