//! The real `kez`, run as a script runs it.

mod broker;
mod deployment;
mod hidden;
mod hostile;
mod key;
mod nats;
mod round_trip;
mod sigchain;
mod usage;
mod vectors;

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A user with an empty home directory.
struct User {
    home: TempDir,
}

/// What one run came to.
struct Run {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl User {
    fn new() -> Self {
        User { home: tempfile::tempdir().expect("there is room for a directory") }
    }

    /// A user who has a key.
    fn with_key() -> Self {
        let user = User::new();
        user.kez(&["key", "new"]).json();
        user
    }

    /// Puts a key of the test's own in its place.
    fn write_key(&self, key: &Value) {
        let path = self.path(".config/kez/key.json");
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the home is writable");
        std::fs::write(&path, key.to_string()).expect("the folder is writable");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("the file is the user's own");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn kez(&self, args: &[&str]) -> Run {
        self.kez_with(args, &[], b"")
    }

    /// The program in this user's home, with an empty environment.
    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kez"));
        command.args(args).env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command
    }

    fn kez_with(&self, args: &[&str], environment: &[(&str, &str)], stdin: &[u8]) -> Run {
        let mut child = self
            .command(args)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built for this test");
        let mut input = child.stdin.take().expect("it is piped");
        // The program may have what it needs, or be gone, before it has read everything.
        let _ = input.write_all(stdin);
        drop(input);
        let output = child.wait_with_output().expect("the program runs");
        Run {
            code: output.status.code().expect("it exits by itself"),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("messages are text"),
        }
    }
}

impl Run {
    /// The result of a run that succeeded in silence.
    fn json(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""));
        assert!(self.stdout.ends_with(b"}\n"), "one document and a line feed");
        serde_json::from_slice(&self.stdout).expect("stdout is one JSON document")
    }

    /// The code and the detail of a run that failed: one line of JSON on stderr, nothing on stdout.
    fn problem(&self) -> (String, String) {
        assert_eq!((self.code, self.stdout.as_slice()), (1, &b""[..]), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        let problem: Value = serde_json::from_str(&self.stderr).expect("stderr is one JSON document");
        let member = |name: &str| problem[name].as_str().expect("a problem has this member").to_owned();
        assert!(!member("title").is_empty());
        (member("code"), member("detail"))
    }
}

/// The vectors in a folder of the protocol's own, by name.
fn vectors(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/vectors").join(folder);
    let files = std::fs::read_dir(&folder).expect("the folder is there");
    let vectors: Vec<_> = files
        .map(|file| {
            let path = file.expect("the folder can be listed").path();
            let text = std::fs::read(&path).expect("a vector can be read");
            (path.display().to_string(), serde_json::from_slice(&text).expect("a vector is JSON"))
        })
        .collect();
    assert!(!vectors.is_empty());
    vectors
}
