//! The program itself: flags, environment, log, signals.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Answer, NAME, key};
use crate::owner::Owner;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kez-sig-server");

/// The program as a child process, listening on a port of its own choice.
pub(crate) struct Program {
    pub(crate) base: String,
    pub(crate) child: Child,
    log: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
}

impl Program {
    pub(crate) async fn start(folder: &Path) -> Program {
        let mut child = Command::new(PROGRAM)
            .env_clear()
            .env("KEZ_SIG_SERVER", NAME)
            .env("KEZ_SIG_OPEN_GENESIS_PER_HOUR", "100")
            .env("KEZ_SIG_REGISTRY_URL", "")
            .args(["--bind", "127.0.0.1:0", "--db"])
            .arg(folder.join("sig.db"))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let line = loop {
            let line = log.next_line().await.expect("a log").expect("a line");
            let line: Value = serde_json::from_str(&line).expect("one JSON object a line");
            if line["message"] == "kez-sig-server is listening" {
                break line;
            }
        };
        Program { base: format!("http://{}", line["address"].as_str().expect("an address")), child, log }
    }

    pub(crate) async fn post(&self, owner: &mut Owner, event: Vec<u8>) -> Option<Answer> {
        let url = format!("{}{}", self.base, owner.path("/events"));
        let request = reqwest::Client::new().post(url).header("content-type", "application/json");
        let answer = Answer::read(request.body(event.clone()).send().await.ok()?).await;
        if answer.status == 201 {
            owner.saw(&event);
        }
        Some(answer)
    }
}

pub(crate) async fn run(folder: &Path, flags: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.env_clear().current_dir(folder).args(flags).kill_on_drop(true);
    let output = command.output().await.expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_values_are_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for flags in [
        ["--bind", "nonsense"],
        ["--server", "a/b"],
        ["--public-url", "kez.lat"],
        ["--registry-url", "http://a/b"],
        ["--db", "postgres://x"],
        ["--open-genesis-per-hour", "-1"],
        ["--trusted-receipt-keys", "ed25519:00"],
        ["--trusted-proxies", "nonsense"],
        ["--writes-per-minute", "0"],
        ["--export", "all"],
        ["--export", "token"],
        ["--export-token", "0123456789abcdef"],
        ["--nonsense", "1"],
    ] {
        let (code, stdout, stderr) = run(folder.path(), &flags).await;
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (Some(2), "", 1), "{flags:?}: {stderr}");
        assert!(stderr.starts_with("kez-sig-server: "), "{stderr}");
    }
    let (code, help, _) = run(folder.path(), &["--help"]).await;
    assert_eq!(code, Some(0));
    for name in ["KEZ_SIG_BIND", "KEZ_SIG_DB", "KEZ_SIG_SERVER", "KEZ_SIG_PUBLIC_URL", "0.0.0.0:7878"] {
        assert!(help.contains(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_survive_a_kill_and_the_store_verifies() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Program::start(folder.path()).await;
    let mut owner = Owner::new(1);
    let genesis = owner.genesis(NAME);
    program.post(&mut owner, genesis).await.expect("an answer").ok(201);
    for n in 0..20 {
        let event = owner.claim(&format!("{n}.example"), &key(1));
        program.post(&mut owner, event).await.expect("an answer").ok(201);
    }
    program.child.start_kill().expect("it is killed");
    program.child.wait().await.expect("it ends");

    let db = folder.path().join("sig.db");
    let (code, stdout, stderr) = run(folder.path(), &["verify", "--db", db.to_str().expect("UTF-8")]).await;
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object");
    assert_eq!(
        (code, report["valid"].as_bool(), report["entries"].as_u64()),
        (Some(0), Some(true), Some(21)),
        "{stderr}"
    );
    let program = Program::start(folder.path()).await;
    let head = reqwest::get(format!("{}{}", program.base, owner.path("/head"))).await.expect("an answer");
    assert_eq!(Answer::read(head).await.ok(200)["hash"], owner.head());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_what_it_cannot_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, stdout, stderr) = run(folder.path(), &["verify", "--db", "none.db"]).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("there is no such database"), "{stderr}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Program::start(folder.path()).await;
    let pid = program.child.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(program.child.wait().await.expect("it ends").code(), Some(0));
    let mut rest = String::new();
    program.log.into_inner().read_to_string(&mut rest).await.expect("a log");
    assert!(rest.contains("kez-sig-server has stopped"), "{rest}");
}
