//! A server in the test's own process, with a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use kez_core::{ServerName, SigningKey, Timestamp};
use kez_http::clock::ManualClock;
use kez_sig_server::config::Config;
use kez_sig_server::limits::Limits;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const NAME: &str = "kez.test";
/// Lets any chain start.
pub(crate) const OPEN: [&str; 2] = ["--open-genesis-per-hour", "1000"];

pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    http: Client,
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

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts that this is a well-formed problem with this status, code and reason (empty for none).
    pub(crate) fn is(&self, status: u16, code: &str, reason: &str) {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json", "{body}");
        let got = (self.status, body["code"].as_str(), body["reason"].as_str().unwrap_or_default());
        assert_eq!(got, (status, Some(code), reason), "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["type"], format!("https://{NAME}/problems/{code}"));
        let detail = body["detail"].as_str().expect("a detail");
        assert!(detail.ends_with('.') && detail.len() > 15, "no sentence: {detail}");
        assert!(!body["title"].as_str().expect("a title").is_empty());
        if matches!(status, 429 | 503) {
            assert!(self.header("retry-after").parse::<u32>().is_ok(), "{body}");
        }
    }

    /// Asserts that this succeeded, and gives what it says.
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }
}

impl Server {
    /// A server where any chain may start.
    pub(crate) async fn start() -> Server {
        Server::start_with(&OPEN).await
    }

    pub(crate) async fn start_with(flags: &[&str]) -> Server {
        Server::start_in(tempfile::tempdir().expect("a folder"), flags).await
    }

    pub(crate) async fn start_in(folder: TempDir, flags: &[&str]) -> Server {
        Server::start_limited(folder, flags, Limits::default()).await
    }

    /// A server that takes as much as `limits` says.
    pub(crate) async fn start_limited(folder: TempDir, flags: &[&str], limits: Limits) -> Server {
        let db = folder.path().join("sig.db");
        let mut fixed = vec!["kez-sig-server", "--db", db.to_str().expect("UTF-8")];
        if !flags.contains(&"--server") {
            fixed.extend(["--server", NAME]);
        }
        let config = Config::try_parse_from(fixed.iter().chain(flags)).expect("good flags");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let clock = Arc::new(ManualClock::new(time("2026-05-25T03:00:00Z")));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = clock.clone();
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let served = kez_sig_server::run_with(&config, served, listener, stopped, limits).await;
            served.expect("the server runs");
        });
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(20));
        let http = http.build().expect("a client");
        Server { base, clock, folder, http, stop: Some(stop), task }
    }

    /// Stops in an orderly way and gives the folder with the database.
    pub(crate) async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        // Connections that are kept open would have to be waited for.
        self.http = Client::new();
        self.task.await.expect("the server ends well");
        self.folder
    }

    pub(crate) fn db(&self) -> std::path::PathBuf {
        self.folder.path().join("sig.db")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.into()).await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Method::PUT, path, &[("content-type", "application/json")], body.into()).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send().await.expect("an answer")).await
    }
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn name(text: &str) -> ServerName {
    text.parse().expect("a name")
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}
