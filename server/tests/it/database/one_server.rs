//! One server a database: two would serve what the other changed long ago.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use clap::Parser as _;
use kez_chat_server::clock::SystemClock;

use super::{examined, refused, register, status, text};
use crate::harness::Server;
use crate::program::{Program, run};

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_is_refused_with_the_reason_whatever_it_calls_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Program::start(folder.path(), &[]).await;
    let db = folder.path().join("kez.db");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (file, place) = (elsewhere.path().join("link.db"), elsewhere.path().join("place"));
    symlink(&db, &file).expect("a link");
    symlink(folder.path(), &place).expect("a link");
    for name in [db.clone(), file, place.join("kez.db")] {
        let err = refused(&name).await;
        let holder = format!("kez-chat-server, process {}", first.id());
        for words in [text(&name), &holder, "stop that one", "--db"] {
            assert!(err.contains(words), "{words}: {err}");
        }
    }
    register(&first, "tudisco", 1).await;
    assert_eq!(status(&first, "tudisco").await, 200, "the first one is none the worse");
    // A sigchain server keeps its log in a file of its own.
    let flags = ["kez-sig-server", "--db", text(&db), "--registry-url", "http://127.0.0.1:1"];
    let config = kez_sig_server::config::Config::try_parse_from(flags).expect("good flags");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let error = kez_sig_server::run(&config, Arc::new(SystemClock), listener, async {}).await;
    assert!(error.as_ref().is_err_and(|error| error.contains("kez-chat-server, process")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_ends_with_the_process_and_not_with_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..3 {
        let program = Program::start(folder.path(), &[]).await;
        assert!(folder.path().join("kez.db.lock").exists());
        program.kill();
    }
    // The same within one process, after an orderly end.
    let server = Server::start_in(folder, &[]).await;
    let folder = server.stop().await;
    Server::start_in(folder, &[]).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_backup_work_beside_a_server_and_the_doctor_says_which_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &[]).await;
    register(&program, "tudisco", 1).await;
    let db = folder.path().join("kez.db");
    let copy = folder.path().join("copy.db");
    let (code, _, err) = run(&["backup", text(&copy), "--db", text(&db)], &[]).await;
    assert_eq!(code, Some(0), "{err}");
    let (line, holder) = (examined(&db, NOBODY).await, format!("open in kez-chat-server, process {}", program.id()));
    assert!(line.starts_with("ok ") && line.contains("1 live handles") && line.contains(&holder), "{line}");
    let line = examined(&copy, NOBODY).await;
    assert!(line.starts_with("ok ") && line.contains("open in no server"), "{line}");
    // What keeps a server from starting, next to the address where it should be.
    let (_, report, _) = run(&["doctor"], &[("KEZ_CHAT_DB", text(&db)), ("KEZ_CHAT_BIND", NOBODY)]).await;
    let server = report.lines().find(|line| line.starts_with("FAIL  server")).expect("a line");
    assert!(server.contains(&format!("process {}", program.id())) && server.contains("stop"), "{server}");
}
