//! A backup of what nobody writes: a snapshot in a folder, or on a file system, that is read-only.

use std::fs;
use std::path::Path;

use super::text;
use super::user::{User, mode};
use crate::harness::{Server, key};

/// A server's files while it runs, with `later` in the log alone.
async fn live() -> Server {
    let server = Server::start().await;
    server.register("first", &key(1)).await;
    server.register("later", &key(2)).await;
    server
}

async fn has_both(copy: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(copy, folder.path().join("kez.db")).expect("a copy");
    let server = Server::start_in(folder, &[]).await;
    for handle in ["first", "later"] {
        assert_eq!(server.get(&format!("/v1/u/{handle}")).await.status, 200, "{handle}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_in_a_folder_that_is_read_only_is_read_with_its_log_or_without() {
    let server = live().await;
    let user = User::new();
    let out = user.folder("out", 0o755);
    user.give(&out);
    let take = |name: &str, ends: &[&str]| {
        let folder = user.folder(name, 0o755);
        for end in ends {
            let file = format!("kez.db{end}");
            fs::copy(server.folder.path().join(&file), folder.join(&file)).expect("a copy");
            mode(&folder.join(&file), 0o444);
        }
        mode(&folder, 0o555);
        folder
    };
    let snapshots = [take("whole", &["", "-wal", "-shm"]), take("no-index", &["", "-wal"])];
    let folder = server.stop().await;
    let closed = user.folder("closed", 0o755);
    fs::copy(folder.path().join("kez.db"), closed.join("kez.db")).expect("a copy");
    mode(&closed, 0o555);
    for (snapshot, name) in snapshots.iter().chain([&closed]).zip(["a.db", "b.db", "c.db"]) {
        let (code, said) = user.run(&["backup", text(&out.join(name)), "--db", text(&snapshot.join("kez.db"))]);
        assert_eq!(code, Some(0), "{}: {said}", snapshot.display());
        has_both(&out.join(name)).await;
    }
    assert_eq!(super::files(&out), ["a.db", "b.db", "c.db"], "nothing else is left");
    assert_eq!(super::files(&snapshots[1]), ["kez.db", "kez.db-wal"]);
    // A restore reads them as well.
    let place = user.folder("place", 0o755);
    user.give(&place);
    let (code, said) = user.run(&["restore", text(&snapshots[1].join("kez.db")), "--db", text(&place.join("kez.db"))]);
    assert_eq!(code, Some(0), "{said}");
    has_both(&place.join("kez.db")).await;
}
