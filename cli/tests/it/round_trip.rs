//! The program against the real server, in this process, on a port of its own.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use clap::Parser as _;
use kez_chat_server::clock::{Clock, ManualClock, SystemClock};
use kez_chat_server::config::Config;
use kez_core::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::User;

const NAME: &str = "kez.test";

/// A running server, which ends when this is dropped.
struct Server {
    url: String,
    _runtime: Runtime,
    _folder: TempDir,
}

impl Server {
    fn start(clock: impl Clock) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a directory");
        let db = folder.path().join("kez.db");
        let flags = [Path::new("kez-chat-server"), Path::new("--server"), Path::new(NAME), Path::new("--db"), &db];
        let config = Config::try_parse_from(flags).expect("these are the server's flags");
        let runtime = Runtime::new().expect("threads can be started");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        runtime.spawn(async move {
            kez_chat_server::run(&config, Arc::new(clock), listener, pending()).await.expect("the server runs");
        });
        Server { url, _runtime: runtime, _folder: folder }
    }

    fn register(&self, user: &User, handle: &str) -> super::Run {
        user.kez(&["register", handle, "--server", &self.url])
    }

    fn lookup(&self, handle: &str) -> super::Run {
        User::new().kez(&["lookup", &format!("{handle}@{NAME}"), "--server", &self.url])
    }
}

#[test]
fn register_look_up_release_and_again() {
    let server = Server::start(SystemClock);
    let user = User::with_key();
    let record = server.register(&user, "alice").json();
    assert_eq!(record["primary"], user.kez(&["key", "show"]).json()["key"]);
    assert_eq!(record["fqhn"], format!("alice@{NAME}"));
    assert_eq!(server.register(&user, "alice").json(), record, "asking again gives the stored record");

    let mut found = server.lookup("Alice").json();
    assert_eq!(found.as_object_mut().and_then(|members| members.remove("verified")), Some(true.into()));
    assert_eq!(found, record);

    let released = user.kez(&["release"]).json();
    assert_eq!(released["handle"], "alice");
    assert!(released["released_at"].as_str().is_some_and(|time| time.parse::<Timestamp>().is_ok()));
    assert_eq!(server.lookup("alice").problem().0, "gone");
    assert_eq!(user.kez(&["release"]).problem().0, "server_missing", "the release is remembered");
    assert_eq!(user.kez(&["release", "--server", &server.url]).problem().0, "not_found");

    // All of this takes less than a second, so the same bytes would be signed again.
    assert_eq!(server.register(&user, "alice").json()["primary"], record["primary"]);
    assert_eq!(server.lookup("alice").json()["verified"], true);
}

#[test]
fn what_the_server_refuses_is_passed_on() {
    let server = Server::start(SystemClock);
    let (alice, bob) = (User::with_key(), User::with_key());
    server.register(&alice, "alice").json();
    assert_eq!(server.register(&bob, "alice").problem().0, "handle_taken");
    assert_eq!(server.register(&alice, "alice2").problem().0, "key_already_registered");
    assert_eq!(server.register(&bob, "admin").problem().0, "reserved_handle");
    assert_eq!(server.lookup("nobody1").problem().0, "not_found");
    assert!(!bob.path(".config/kez/identity.json").exists());
}

#[test]
fn names_are_read_as_people_write_them() {
    let server = Server::start(SystemClock);
    let (alice, bob) = (User::with_key(), User::with_key());
    let record = server.register(&alice, &format!(" @alice@{NAME}\r\n")).json();
    assert_eq!(record["handle"], "alice");
    for name in [
        "acct:alice@kez.test",
        "@Alice@KEZ.test ",
        "https://kez.test/@alice",
        "kez.test/@alice",
        "al\u{200b}ice@kez.test\r",
    ] {
        let found = User::new().kez(&["lookup", name, "--server", &server.url]).json();
        assert_eq!((&found["handle"], &found["verified"]), (&record["handle"], &true.into()), "{name:?}");
    }
    // No letter of what is signed is changed.
    assert_eq!(server.register(&bob, "Bob").problem().0, "invalid_handle");
    let elsewhere = server.register(&bob, "bob@other.example").problem();
    assert_eq!(elsewhere.0, "wrong_server");
    assert!(elsewhere.1.contains("other.example") && elsewhere.1.contains("Nothing was signed"), "{}", elsewhere.1);
    assert_eq!(server.lookup("bob").problem().0, "not_found");
}

#[test]
fn a_handle_is_released_from_another_machine_too() {
    let server = Server::start(SystemClock);
    let user = User::with_key();
    server.register(&user, "alice").json();
    std::fs::remove_file(user.path(".config/kez/identity.json")).expect("it was remembered");
    assert_eq!(user.kez(&["release"]).problem().0, "server_missing");
    let run = user.kez_with(&["release"], &[("KEZ_SERVER", &server.url)], b"");
    assert_eq!(run.json()["handle"], "alice");
}

#[test]
fn a_wrong_clock_is_told_and_overcome() {
    let then: Timestamp = "2020-02-29T12:00:00Z".parse().expect("that day was");
    let server = Server::start(ManualClock::new(then));
    let user = User::with_key();
    for args in [&["register", "alice", "--server", &server.url][..], &["release"]] {
        let run = user.kez(args);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let warning: Value = serde_json::from_str(&run.stderr).expect("stderr is one JSON document");
        assert!(warning["warning"].as_str().is_some_and(|text| text.contains("clock")), "{warning}");
        let answer: Value = serde_json::from_slice(&run.stdout).expect("stdout is one JSON document");
        assert_eq!(answer["handle"], "alice");
    }
}
