//! The programs under test, as children of the benchmark.

use std::path::Path;
use std::process::Stdio;

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::SigningKey;
use kez_core::registration::Statement;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) const NAME: &str = "bench.test";

/// A running program and where it listens.
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) child: Child,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration but this")]
pub(crate) fn program(variable: &str) -> String {
    let path = std::env::var(variable).unwrap_or_default();
    assert!(Path::new(&path).is_file(), "{variable} must name a release build; `make bench` sees to it");
    path
}

/// Our server on a database in `folder`.
pub(crate) async fn ours(folder: &Path) -> Target {
    ours_with(folder, &[]).await
}

/// The same with more settings.
pub(crate) async fn ours_with(folder: &Path, flags: &[String]) -> Target {
    let mut command = Command::new(program("KEZ_CHAT_SERVER_BIN"));
    command.args(["--bind", "127.0.0.1:0", "--server", NAME, "--db"]).arg(folder.join("kez.db")).args(flags);
    let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the server starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut address = None;
    while address.is_none() {
        let line = lines.next_line().await.expect("a log").expect("a line");
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        address = line["address"].as_str().map(str::to_owned);
    }
    // Somebody has to read the log, or the server would wait for it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Target { address: address.expect("the loop ended"), child }
}

/// The limit program, serving `body`.
pub(crate) async fn bare_axum(folder: &Path, body: &[u8], content_type: &str) -> Target {
    let file = folder.join("body");
    std::fs::write(&file, body).expect("a file");
    let mut command = Command::new(program("KEZ_BARE_AXUM_BIN"));
    command.arg(&file).arg(content_type).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("the limit program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let port = lines.next_line().await.expect("output").expect("a port");
    Target { address: format!("127.0.0.1:{port}"), child }
}

/// The key of a number.
pub(crate) fn key(number: u64) -> SigningKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_seed(&seed)
}

/// The request that registers `handle`, signed now with the key of a number.
pub(crate) fn registration(handle: &str, number: u64) -> Vec<u8> {
    let handle = handle.parse().expect("a handle");
    let statement = Statement::registration(handle, NAME.parse().expect("a name"), SystemClock.now());
    let body = statement.sign(&key(number));
    let head = format!(
        "POST /v1/register HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
