//! `init`: what it writes, that it overwrites nothing, and that real brokers start from it.

pub(crate) mod brokers;
mod files;
mod refusals;
mod rotation;
mod upgrade;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nkeys::KeyPair;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kez-chat-server");
const FILES: [&str; 9] = [
    "docker-compose.yml",
    "keys/auth.nk",
    "keys/issuer.nk",
    "keys/store.nk",
    "keys/sys.nk",
    "kez-sig.env",
    "kez.env",
    "nats.conf",
    "nats.container.conf",
];

pub(crate) fn init(out: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.env_clear().arg("init").arg("--out").arg(out).args(flags).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub(crate) fn written(flags: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("deployment");
    let ended = init(&out, flags);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    (folder, out)
}

fn refused(out: &Path, flags: &[&str], code: i32, word: &str) {
    let ended = init(out, flags);
    let err = text(&ended.stderr);
    assert_eq!((ended.status.code(), err.lines().count()), (Some(code), 1), "{flags:?}: {err}");
    assert!(err.contains(word) && ended.stdout.is_empty(), "{flags:?}: {err}");
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a file")
}

/// Every file below the folder, with its mode and its bytes.
fn snapshot(out: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![out.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                open.push(entry);
                continue;
            }
            let name = entry.strip_prefix(out).expect("below").to_str().expect("UTF-8").to_owned();
            let mode = entry.metadata().expect("metadata").permissions().mode() & 0o7777;
            found.push((name, mode, fs::read(&entry).expect("a file")));
        }
    }
    found.sort();
    found
}

pub(crate) fn seed(out: &Path, key: &str) -> String {
    read(out.join(format!("keys/{key}.nk"))).trim().to_owned()
}

pub(crate) fn public(out: &Path, key: &str) -> String {
    KeyPair::from_seed(&seed(out, key)).expect("a seed").public_key()
}

/// Values of the file as a shell reads them.
fn in_a_shell(out: &Path, name: &str) -> String {
    let script = format!("set -eu; set -a; . {}/kez.env; printf %s \"${name}\"", out.display());
    let ended = Command::new("sh").env_clear().args(["-c", &script]).output().expect("sh runs");
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    text(&ended.stdout)
}
