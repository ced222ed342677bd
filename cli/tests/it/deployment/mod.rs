//! The whole: a real nats-server and a real kez-chat-server, both from the files that `kez-chat-server init` writes.

mod chat;
mod devices;
mod inbox;
mod trouble;

use std::future::pending;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use getrandom::SysRng;
use kez_chat_server::clock::SystemClock;
use kez_chat_server::config::Config;
use kez_chat_server::init::{self, InitError, Settings};
use kez_core::SigningKey;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Run, User};

const NAME: &str = "kez.test";
/// Long enough for a program to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that will change.
const LOOK: Duration = Duration::from_millis(20);

/// The broker that `scripts/env` names.
#[expect(clippy::disallowed_methods, reason = "where the tools are is told by the environment")]
fn broker_program() -> String {
    std::env::var("KEZ_NATS_SERVER_BIN").expect("KEZ_NATS_SERVER_BIN is set by scripts/env")
}

/// The command line of `kez-chat-server init`.
#[derive(Parser)]
struct Init {
    #[command(flatten)]
    settings: Settings,
}

/// A broker and a server that belong together, until this is dropped.
struct Deployment {
    broker: Child,
    /// The server's address.
    url: String,
    /// The broker's, without its WebSocket.
    nats_url: String,
    runtime: Runtime,
    folder: TempDir,
}

impl Deployment {
    /// Starts the broker and then the server, with `flags` besides the ones that `init` writes.
    fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a directory");
        let nats_url = initialise(folder.path());
        let broker = start_broker(folder.path());
        let mut of_server = vec!["kez-chat-server".to_owned()];
        of_server.extend(settings(folder.path()));
        of_server.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let runtime = Runtime::new().expect("threads can be started");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        of_server.extend(["--public-url".to_owned(), url.clone()]);
        let config = Config::try_parse_from(of_server).expect("these are the server's flags");
        runtime.spawn(async move {
            kez_chat_server::run(&config, Arc::new(SystemClock), listener, pending()).await.expect("the server runs");
        });
        let deployment = Deployment { broker, url, nats_url, runtime, folder };
        deployment.wait_until_ready();
        deployment
    }

    fn wait_until_ready(&self) {
        eventually("the server is ready", || ureq::get(format!("{}/v1/readyz", self.url)).call().is_ok());
    }

    /// As after a power cut: nothing is told to anybody.
    fn stop_broker(&mut self) {
        self.broker.kill().expect("it runs");
        self.broker.wait().expect("it ends");
    }

    fn start_broker(&mut self) {
        self.broker = start_broker(self.folder.path());
        self.wait_until_ready();
    }

    /// What an operator does with JetStream: `call` is what comes after `$JS.API.`.
    fn operate(&self, call: &str) {
        let seed = std::fs::read_to_string(self.folder.path().join("keys/store.nk")).expect("init wrote it");
        let asked = async {
            let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned());
            let client = options.connect(&self.nats_url).await.expect("the broker is there");
            client.request(format!("$JS.API.{call}"), "".into()).await.expect("JetStream answers").payload
        };
        let answer: Value = serde_json::from_slice(&self.runtime.block_on(asked)).expect("it is JSON");
        assert_eq!(answer["success"], true, "{answer}");
    }

    /// A user with a handle here.
    fn user(&self, handle: &str) -> User {
        let user = User::with_key();
        user.kez(&["register", handle, "--server", &self.url]).json();
        user
    }

    /// `kez inbox send` by `from`.
    fn send(&self, from: &User, to: &str) -> Run {
        from.kez(&["inbox", "send", to, "--nats-url", &self.nats_url])
    }

    /// `kez inbox watch` by `user`, for at most a minute.
    fn watch(&self, user: &User, flags: &[&str]) -> Run {
        user.kez(&[&["inbox", "watch", "--timeout", "60", "--nats-url", &self.nats_url], flags].concat())
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// Writes keys and configuration for ports that are free at the moment, and gives the broker's address.
fn initialise(folder: &Path) -> String {
    let held: Vec<_> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
    let [bind, nats, ws, http] = [0, 1, 2, 3].map(|at| held[at].local_addr().expect("it is bound").to_string());
    let ws_url = format!("ws://{ws}");
    let flags = [
        ["--server", NAME],
        ["--out", folder.to_str().expect("a path is text")],
        ["--bind", &bind],
        ["--nats-listen", &nats],
        ["--nats-ws-listen", &ws],
        ["--nats-http-listen", &http],
        ["--nats-ws-url", &ws_url],
    ];
    let init = Init::try_parse_from(["init"].into_iter().chain(flags.into_iter().flatten()));
    let random = || {
        let key = SigningKey::generate(&mut SysRng).map_err(|error| InitError::Random(error.to_string()))?;
        Ok(*key.seed())
    };
    init::run(&init.expect("these are the flags of init").settings, &random).expect("the folder is empty");
    format!("nats://{nats}")
}

/// The server's flags, from the file of variables that `init` wrote; where it is reached, its listener decides.
fn settings(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("kez.env")).expect("init wrote it");
    let values = text.lines().filter_map(|line| line.strip_prefix("KEZ_CHAT_")?.split_once('='));
    let flags = values.filter(|(name, value)| !value.is_empty() && *name != "PUBLIC_URL");
    flags.flat_map(|(name, value)| [format!("--{}", name.to_lowercase().replace('_', "-")), value.to_owned()]).collect()
}

fn start_broker(folder: &Path) -> Child {
    let program = broker_program();
    let mut command = Command::new(&program);
    command.arg("-c").arg(folder.join("nats.conf")).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{program}: {error}. Run scripts/setup nats-server"))
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in a minute: {what}");
        thread::sleep(LOOK);
    }
}

/// The documents on stdout, one a line, of a run that succeeded in silence.
fn lines(run: &Run) -> Vec<Value> {
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let text = std::str::from_utf8(&run.stdout).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
