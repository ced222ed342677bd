//! A server in the test's own process, with a clock that the test moves, and the envelopes to send to it.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use kez_chat_server::Parts;
use kez_chat_server::claims::Outside;
use kez_chat_server::clock::{Clock as _, ManualClock, SystemClock};
use kez_chat_server::config::Config;
use kez_chat_server::limits::Limits;
use kez_core::registration::Statement;
use kez_core::{Handle, ServerName, SigningKey, Timestamp};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const NAME: &str = "kez.test";

pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    pub(crate) http: Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// An answer whose body was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.expect("the body arrives").to_vec() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|e| panic!("{e} in {}", String::from_utf8_lossy(&self.bytes)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts that this is a well-formed problem, and gives its code.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json", "{body}");
        assert_eq!(body["status"], self.status, "{body}");
        let code = body["code"].as_str().expect("a code").to_owned();
        assert_eq!(body["type"], format!("https://{NAME}/problems/{code}"));
        let detail = body["detail"].as_str().expect("a detail");
        assert!(detail.ends_with('.') && detail.len() > 15, "no sentence: {detail}");
        assert!(!body["title"].as_str().expect("a title").is_empty());
        if matches!(self.status, 429 | 503) {
            assert!(self.header("retry-after").parse::<u32>().is_ok(), "{body}");
        }
        code
    }

    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.json());
    }
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::start_with(&[]).await
    }

    pub(crate) async fn start_with(flags: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        Server::start_in(folder, flags).await
    }

    pub(crate) async fn start_in(folder: TempDir, flags: &[&str]) -> Server {
        Server::start_at(start(), folder, flags, Parts::default()).await
    }

    /// A server that takes as much as `limits` says.
    pub(crate) async fn start_limited(limits: Limits, flags: &[&str]) -> Server {
        let parts = Parts { limits, ..Parts::default() };
        Server::start_at(start(), tempfile::tempdir().expect("a folder"), flags, parts).await
    }

    /// A server that looks at proofs of claims, as far as `outside` lets it.
    pub(crate) async fn start_outside(outside: Outside, flags: &[&str]) -> Server {
        let parts = Parts { outside: Some(outside), ..Parts::default() };
        Server::start_at(start(), tempfile::tempdir().expect("a folder"), flags, parts).await
    }

    /// Others that take part live in the machine's time: the server's clock stands at what it is now.
    pub(crate) async fn start_by_the_machines_clock(folder: TempDir, flags: &[&str]) -> Server {
        Server::start_at(SystemClock.now(), folder, flags, Parts::default()).await
    }

    /// In a folder that another server has left, in the machine's time.
    pub(crate) async fn start_with_parts(folder: TempDir, flags: &[&str], parts: Parts) -> Server {
        Server::start_at(SystemClock.now(), folder, flags, parts).await
    }

    /// Waits until everything that the server depends on is there.
    pub(crate) async fn wait_until_ready(&self) {
        let ready = async {
            while self.get("/v1/readyz").await.status != 200 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ready).await.expect("the server gets ready");
    }

    async fn start_at(now: Timestamp, folder: TempDir, flags: &[&str], parts: Parts) -> Server {
        let db = folder.path().join("kez.db");
        let fixed = ["kez-chat-server", "--server", NAME, "--db", db.to_str().expect("UTF-8")];
        let config = Config::try_parse_from(fixed.iter().chain(flags)).expect("good flags");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let clock = Arc::new(ManualClock::new(now));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = clock.clone();
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let served = kez_chat_server::run_with(&config, served, listener, stopped, parts).await;
            served.expect("the server runs");
        });
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(20));
        let http = http.build().expect("a client");
        Server { base, clock, folder, http, stop: Some(stop), task }
    }

    /// Stops in an orderly way and gives the folder with the database.
    pub(crate) async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        self.task.await.expect("the server ends well");
        self.folder
    }

    pub(crate) fn db(&self) -> std::path::PathBuf {
        self.folder.path().join("kez.db")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.into()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// A registration signed now.
    pub(crate) fn registration(&self, handle: &str, key: &SigningKey) -> Vec<u8> {
        Statement::registration(self::handle(handle), name(), self.clock.now()).sign(key)
    }

    /// A release signed now.
    pub(crate) fn release(&self, handle: &str, key: &SigningKey) -> Vec<u8> {
        Statement::release(self::handle(handle), name(), self.clock.now()).sign(key)
    }

    /// Registers and expects `201`.
    pub(crate) async fn register(&self, handle: &str, key: &SigningKey) -> Answer {
        let answer = self.post("/v1/register", self.registration(handle, key)).await;
        assert_eq!(answer.status, StatusCode::CREATED.as_u16(), "{}", answer.json());
        answer
    }
}

fn start() -> Timestamp {
    "2026-05-25T03:00:00Z".parse().expect("a time")
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

pub(crate) fn name() -> ServerName {
    NAME.parse().expect("a name")
}
