//! The program itself: flags, environment, log, signals.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::registration::Statement;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::harness::{NAME, handle, key, name};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kez-chat-server");

/// The program as a child process, listening on a port of its own choice.
pub(crate) struct Program {
    pub(crate) base: String,
    child: Child,
    pub(crate) log: mpsc::UnboundedReceiver<String>,
}

impl Program {
    pub(crate) async fn start(folder: &Path, flags: &[&str]) -> Program {
        Program::start_with(folder, flags, &[]).await
    }

    async fn start_with(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Program {
        let mut child = Command::new(PROGRAM)
            .env_clear()
            .env("KEZ_CHAT_SERVER", NAME)
            .envs(environment.iter().copied())
            .args(["--bind", "127.0.0.1:0", "--db"])
            .arg(folder.join("kez.db"))
            .args(flags)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let line = loop {
            let line = log.next_line().await.expect("a log").expect("a line");
            let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON object a line");
            if line["message"] == "kez-chat-server is listening" {
                break line;
            }
        };
        // Somebody has to read on, or the program would wait for it.
        let (read, unread) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await
                && read.send(line).is_ok()
            {}
        });
        Program { base: format!("http://{}", line["address"].as_str().expect("an address")), child, log: unread }
    }

    /// Waits until everything that it depends on is there.
    pub(crate) async fn ready(&self) {
        let ready = async {
            while !reqwest::get(format!("{}/v1/readyz", self.base)).await.is_ok_and(|answer| answer.status() == 200) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("the program gets ready");
    }

    /// Waits until a handle is registered, by asking.
    pub(crate) async fn wait_for_handle(&self, handle: &str) {
        let asked = async {
            while !reqwest::get(format!("{}/v1/u/{handle}", self.base)).await.is_ok_and(|a| a.status() == 200) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asked).await.expect("it appears");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// `kill -9`
    pub(crate) fn kill(mut self) {
        self.child.start_kill().expect("it is killed");
    }

    /// `kill -9`, and until it is gone.
    pub(crate) async fn kill_and_wait(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        let sent = std::process::Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }
}

/// A registration signed by the machine's clock.
pub(crate) fn signed(text: &str, seed: u8) -> Vec<u8> {
    Statement::registration(handle(text), name(), SystemClock.now()).sign(&key(seed))
}

pub(crate) async fn run(flags: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.env_clear().envs(environment.iter().copied()).args(flags).kill_on_drop(true);
    let ended = tokio::time::timeout(Duration::from_secs(30), command.output()).await.expect("it ends");
    let ended = ended.expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

/// A built site of some version, as far as the program looks at it when it starts.
pub(crate) fn site(version: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("pkg")).expect("a folder");
    let about = json!({ "version": version, "script": "a.js", "wasm": "b.wasm", "style": "c.css", "broker": "d.js" });
    std::fs::write(folder.path().join("pkg/site.json"), about.to_string()).expect("a file");
    folder
}

/// What a program says before it listens.
async fn log_of(program: &str, flags: &[&str]) -> String {
    let mut child = Command::new(program)
        .env_clear()
        .args(["--bind", "127.0.0.1:0"])
        .args(flags)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let (mut lines, mut log) = (BufReader::new(child.stderr.take().expect("a pipe")).lines(), String::new());
    while !log.contains("kez-chat-server is listening") {
        log.push_str(&lines.next_line().await.expect("a log").expect("a line"));
        log.push('\n');
    }
    log
}

#[tokio::test]
async fn a_site_of_another_version_is_told_at_the_start_and_by_the_doctor() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("kez.db");
    for (version, word) in [(env!("CARGO_PKG_VERSION"), "ok    site"), ("0.0.9", "FAIL  site")] {
        let site = site(version);
        let web_dir = site.path().to_str().expect("UTF-8");
        let (_, report, _) = run(&["doctor"], &[("KEZ_CHAT_WEB_DIR", web_dir)]).await;
        let line = report.lines().find(|line| line.starts_with(word)).unwrap_or_default();
        assert!(line.contains(version), "{report}");
        let log = log_of(PROGRAM, &["--db", db.to_str().expect("UTF-8"), "--web-dir", web_dir]).await;
        assert_eq!(log.contains("install both from one build"), version == "0.0.9", "{log}");
    }
    // As `cargo install` leaves it: no site anywhere. What to do is in the log, and on every page.
    let alone = folder.path().join("bin/kez-chat-server");
    std::fs::create_dir(alone.parent().expect("a folder")).expect("a folder");
    std::fs::copy(PROGRAM, &alone).expect("a copy");
    let log = log_of(alone.to_str().expect("UTF-8"), &["--db", db.to_str().expect("UTF-8")]).await;
    assert!(log.contains("make build") && log.contains("--web-dir"), "{log}");
    let report = Command::new(&alone).env_clear().arg("doctor").output().await.expect("it runs");
    let report = String::from_utf8(report.stdout).expect("UTF-8");
    let line = report.lines().find(|line| line.starts_with("-     site")).unwrap_or_default();
    assert!(line.contains("make build") && line.contains("--web-dir"), "{report}");
}

#[tokio::test]
async fn bad_values_are_one_clear_line() {
    for (flags, names) in [
        (&["--bind", "nonsense"][..], "--bind"),
        (&["--bind", "127.0.0.1:99999"], "--bind"),
        (&["--server", "https://kez.lat"], "--server"),
        (&["--server", ""], "--server"),
        (&["--db", ""], "--db"),
        (&["--db", "postgres://localhost/kez"], "--db"),
        (&["--public-url", "kez.lat"], "--public-url"),
        (&["--sig-server-url", "https://kez.lat/path"], "--sig-server-url"),
        (&["--sig-server-token", "0123456789abcdef"], "--sig-server-url"),
        (&["--sig-server-url", "http://127.0.0.1:1", "--sig-server-token", "short"], "--sig-server-token"),
        (&["--export", "all"], "--export"),
        (&["--export", "token"], "--export-token"),
        (&["--export", "token", "--export-token", "short"], "--export-token"),
        (&["--export-token", "0123456789abcdef"], "--export-token"),
        (&["--web-dir", "/no/such/folder"], "--web-dir"),
        (&["--trusted-proxies", "10.0.0.0/99"], "--trusted-proxies"),
        (&["--release-hold-days", "-1"], "-1"),
        (&["--metrics-bind", "x"], "--metrics-bind"),
        (&["--writes-per-minute", "0"], "--writes-per-minute"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["no-such-command"], "no-such-command"),
    ] {
        let (code, out, err) = run(flags, &[]).await;
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{flags:?}: {err}");
        assert!(err.starts_with("kez-chat-server: ") && err.contains(names), "{err}");
    }
    for variable in ["KEZ_CHAT_BIND", "KEZ_CHAT_SERVER", "KEZ_CHAT_PUBLIC_URL", "KEZ_CHAT_TRUSTED_PROXIES", "RUST_LOG"]
    {
        let (code, _, err) = run(&[], &[(variable, "=:/no")]).await;
        assert_eq!((code, err.lines().count()), (Some(2), 1), "{variable}: {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_is_one_that_is_not_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [
        "KEZ_CHAT_PUBLIC_URL",
        "KEZ_CHAT_SIG_SERVER_URL",
        "KEZ_CHAT_WEB_DIR",
        "KEZ_CHAT_TRUSTED_PROXIES",
        "KEZ_CHAT_METRICS_BIND",
        "KEZ_CHAT_RELEASE_HOLD_DAYS",
        "KEZ_CHAT_WRITES_PER_MINUTE",
        "RUST_LOG",
    ];
    let program = Program::start_with(folder.path(), &[], &variables.map(|name| (name, ""))).await;
    assert_eq!(reqwest::get(format!("{}/v1/healthz", program.base)).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn help_documents_every_flag_and_variable() {
    let (code, help, _) = run(&["--help"], &[]).await;
    assert_eq!(code, Some(0));
    for word in [
        "--bind",
        "KEZ_CHAT_BIND",
        "0.0.0.0:6969",
        "--db",
        "KEZ_CHAT_DB",
        "--server",
        "KEZ_CHAT_SERVER",
        "--public-url",
        "KEZ_CHAT_PUBLIC_URL",
        "--sig-server-url",
        "KEZ_CHAT_SIG_SERVER_URL",
        "--web-dir",
        "KEZ_CHAT_WEB_DIR",
        "--trusted-proxies",
        "--release-hold-days",
        "--metrics-bind",
        "RUST_LOG",
        "backup",
    ] {
        assert!(help.contains(word), "{word} is not in the help");
    }
    let (code, version, _) = run(&["--version"], &[]).await;
    assert_eq!((code, version.trim()), (Some(0), concat!("kez-chat-server ", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let db = folder.path().join("kez.db");
    let (code, _, err) = run(&["--bind", &address, "--db", db.to_str().expect("UTF-8")], &[]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot listen on") && err.contains(&address), "{err}");
    std::fs::write(&db, "this is no database, but it is long enough to look at".repeat(100)).expect("a file");
    let (code, _, err) = run(&["--bind", "127.0.0.1:0", "--db", db.to_str().expect("UTF-8")], &[]).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("kez.db"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_the_program_in_order() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut program = Program::start(folder.path(), &[]).await;
        // A request is in flight when the signal comes: its head was sent, its body was not.
        let body = signed("tudisco", 1);
        let address = program.base.strip_prefix("http://").expect("a base").to_owned();
        let mut stream = tokio::net::TcpStream::connect(&address).await.expect("a connection");
        let head = format!(
            "POST /v1/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.expect("it is sent");
        tokio::time::sleep(Duration::from_millis(200)).await;
        program.signal(signal);
        // New connections are refused once the signal has arrived.
        let refused = async { while tokio::net::TcpStream::connect(&address).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(5), refused).await.expect("the listener closes");
        tokio::io::AsyncWriteExt::write_all(&mut stream, &body).await.expect("it is sent");
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let ended = tokio::time::timeout(Duration::from_secs(10), program.child.wait()).await.expect("it ends");
        assert_eq!(ended.expect("a status").code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_a_listener_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port that was free a moment ago.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let program = Program::start(folder.path(), &["--metrics-bind", &free.to_string()]).await;
    assert_eq!(reqwest::get(format!("{}/metrics", program.base)).await.expect("an answer").status(), 404);
    reqwest::get(format!("{}/v1/u/nobody", program.base)).await.expect("an answer");
    // A request is counted when its answer was sent, and somebody may read the answer sooner.
    let counted = async {
        let metric = "http_request_duration_seconds_bucket{route=\"/v1/u/{handle}\",status=\"4xx\"";
        loop {
            let answer = reqwest::get(format!("http://{free}/metrics")).await.expect("an answer");
            if answer.text().await.expect("text").contains(metric) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), counted).await.expect("the request is counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_place_are_counted_and_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let mut program = Program::start(folder.path(), &["--metrics-bind", &free.to_string()]).await;
    let address = program.base.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    // One address has 512 places.
    for _ in 0..520 {
        held.push(tokio::net::TcpStream::connect(&address).await.expect("the system takes it"));
    }
    let line = program.log.recv().await.expect("a line");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(line["message"], "there was no place for some connections", "{line}");
    let text = reqwest::get(format!("http://{free}/metrics")).await.expect("an answer").text().await.expect("text");
    assert!(text.contains("\nhttp_connections_refused_total "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_logged_once_without_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Program::start(folder.path(), &[]).await;
    let request = reqwest::Client::new().post(format!("{}/v1/register", program.base));
    request.header("content-type", "application/json").body(signed("tudisco", 1)).send().await.expect("an answer");
    let line = program.log.recv().await.expect("a line");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        (&line["route"], &line["status"], &line["method"]),
        (&"/v1/register".into(), &201.into(), &"POST".into())
    );
}
