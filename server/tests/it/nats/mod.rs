//! The broker: a real nats-server runs what `init` wrote.

mod by_http;
mod clients;
mod clock;
pub(crate) mod doctor;
mod forged;
mod headers;
mod jwt;
mod limits;
mod login;
pub(crate) mod member;
mod mended;
pub(crate) mod raw;
mod refused;
mod replies;
mod settings;
pub(crate) mod state;
mod storms;
mod upkeep;
mod walls;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use kez_chat_server::Parts;
use kez_chat_server::limits::{BrokerLimits, Limits};
use kez_core::SigningKey;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness::{NAME, Server};
use crate::init::brokers::{broker, free_ports};

/// A broker, and the keys to it.
pub(crate) struct Nats {
    /// `127.0.0.1:PORT`, for clients that speak TCP.
    pub(crate) address: String,
    /// `127.0.0.1:PORT`, for browsers.
    pub(crate) web: String,
    /// What `init` wrote.
    pub(crate) out: PathBuf,
    program: String,
    monitor: String,
    child: Child,
    _folder: TempDir,
}

impl Nats {
    /// Starts the broker with what `init` writes, and waits until it takes clients.
    pub(crate) async fn start(init: &[&str]) -> Nats {
        Nats::start_edited(init, |conf| conf).await
    }

    /// The same, with what `edit` makes of its configuration.
    pub(crate) async fn start_edited(init: &[&str], edit: impl Fn(String) -> String) -> Nats {
        Nats::start_program(&broker(), init, edit).await
    }

    /// The same, with another broker than `scripts/env` names.
    pub(crate) async fn start_program(program: &str, init: &[&str], edit: impl Fn(String) -> String) -> Nats {
        let [address, web, monitor] = free_ports().map(|port: u16| format!("127.0.0.1:{port}"));
        let places =
            ["--server", NAME, "--nats-listen", &address, "--nats-ws-listen", &web, "--nats-http-listen", &monitor];
        let (folder, out) = crate::init::written(&[&places, init].concat());
        let conf = out.join("nats.conf");
        let text = std::fs::read_to_string(&conf).expect("a configuration");
        std::fs::write(&conf, edit(text)).expect("a configuration");
        let child = spawn(program, &out);
        let mut nats = Nats { address, web, out, program: program.to_owned(), monitor, child, _folder: folder };
        nats.wait().await;
        nats
    }

    /// Starts `scripts/env`'s broker with a folder that is there, in which the places are init's defaults and the server
    /// is kez.example.
    pub(crate) async fn start_written(folder: TempDir, out: PathBuf) -> Nats {
        let [address, web, monitor] = free_ports().map(|port: u16| format!("127.0.0.1:{port}"));
        let conf = out.join("nats.conf");
        let text = std::fs::read_to_string(&conf).expect("a configuration");
        let text = text.replace("https://kez.example", &format!("https://{NAME}"));
        let text = text.replace("127.0.0.1:4222", &address).replace("127.0.0.1:8443", &web);
        std::fs::write(&conf, text.replace("127.0.0.1:8222", &monitor)).expect("a configuration");
        let program = broker();
        let child = spawn(&program, &out);
        let mut nats = Nats { address, web, out, program, monitor, child, _folder: folder };
        nats.wait().await;
        nats
    }

    /// The settings of a server beside it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let key = |name| self.out.join(format!("keys/{name}.nk")).to_str().expect("UTF-8").to_owned();
        let mut flags = vec!["--nats-url".to_owned(), format!("nats://{}", self.address)];
        for name in ["issuer", "auth", "store", "sys"] {
            flags.extend([format!("--nats-{name}-seed"), key(name)]);
        }
        if self.out.join("keys/xkey.nk").exists() {
            flags.extend(["--nats-xkey-seed".to_owned(), key("xkey")]);
        }
        flags
    }

    /// A server beside it that answers its logins.
    pub(crate) async fn server(&self, more: &[&str]) -> Server {
        let flags = self.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let server = Server::start_by_the_machines_clock(tempfile::tempdir().expect("a folder"), &flags).await;
        server.wait_until_ready().await;
        server
    }

    /// The same, with limits of its own.
    pub(crate) async fn server_limited(&self, limits: BrokerLimits, more: &[&str]) -> Server {
        let flags = self.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let parts = Parts { limits: Limits { broker: limits, ..Limits::default() }, ..Parts::default() };
        let server = Server::start_with_parts(tempfile::tempdir().expect("a folder"), &flags, parts).await;
        server.wait_until_ready().await;
        server
    }

    /// `kill -9`, as if the machine had lost power.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// Whether it has not ended by itself.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    /// Starts it again, on the same addresses and files.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.program, &self.out);
        self.wait().await;
    }

    /// A connection as one of the server's own users.
    pub(crate) async fn as_user(&self, key: &str) -> async_nats::Client {
        let seed = std::fs::read_to_string(self.out.join(format!("keys/{key}.nk"))).expect("a seed");
        let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned());
        options.connect(format!("nats://{}", self.address)).await.expect("a connection")
    }

    async fn wait(&mut self) {
        let ready = async {
            while !reqwest::get(format!("http://{}/healthz", self.monitor)).await.is_ok_and(|a| a.status() == 200) {
                assert!(self.child.try_wait().expect("a status").is_none(), "{} has ended", self.program);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it is healthy");
    }
}

fn spawn(program: &str, out: &std::path::Path) -> Child {
    let mut command = Command::new(program);
    let log = std::fs::File::options().create(true).append(true).open(out.join("../nats.log")).expect("a log");
    command.env_clear().arg("-c").arg(out.join("nats.conf")).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().expect("the broker starts")
}

/// An address that nobody listens on.
pub(crate) fn nobody() -> String {
    let [port] = free_ports();
    format!("127.0.0.1:{port}")
}

/// A broker, a server, and the first user with a handle.
pub(crate) async fn with_user() -> (Nats, Server, SigningKey) {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&[]).await;
    let user = crate::harness::key(1);
    server.register("tudisco", &user).await;
    (nats, server, user)
}
