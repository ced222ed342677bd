//! A sigchain server of its own, beside the chat server that follows it.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use kez_chat_server::clock::SystemClock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::owner::Owner;
use crate::harness::{Answer, NAME, Server};

/// A real sigchain server.
pub(crate) struct Remote {
    pub(crate) base: String,
    _folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Remote {
    pub(crate) async fn start(listener: TcpListener, registry: &str) -> Remote {
        Remote::start_with(listener, registry, &[]).await
    }

    pub(crate) async fn start_with(listener: TcpListener, registry: &str, flags: &[&str]) -> Remote {
        let folder = tempfile::tempdir().expect("a folder");
        let db = folder.path().join("sig.db");
        let fixed =
            ["kez-sig-server", "--server", NAME, "--db", db.to_str().expect("UTF-8"), "--registry-url", registry];
        let config = kez_sig_server::config::Config::try_parse_from(fixed.iter().chain(flags)).expect("good flags");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            kez_sig_server::run(&config, Arc::new(SystemClock), listener, stopped).await.expect("it runs");
        });
        Remote { base, _folder: folder, _stop: stop }
    }

    pub(crate) async fn post(&self, server: &Server, owner: &mut Owner, event: Vec<u8>) -> Answer {
        let url = format!("{}{}", self.base, owner.path("/events"));
        let request = server.http.post(url).header("content-type", "application/json").body(event.clone());
        let answer = Answer::read(request.send().await.expect("an answer")).await;
        if answer.status == 201 {
            owner.saw(&event);
        }
        answer
    }
}

pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, base)
}

/// Waits until the handle's record shows this head.
pub(crate) async fn shows(server: &Server, handle: &str, head: &str) -> Value {
    let shown = async {
        loop {
            let record = server.get(&format!("/v1/u/{handle}")).await.json();
            if record["head"] == head {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), shown).await.expect("it is followed")
}
