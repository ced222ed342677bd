//! A sigchain server that says what a test wants, and counts how often it is asked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use kez_core::KeyId;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::owner::Owner;

const RECEIVED_AT: &str = "2026-05-25T03:00:00Z";

/// The server, and what it says.
#[derive(Clone)]
pub(crate) struct Fake(Arc<(Mutex<World>, watch::Sender<()>)>);

#[derive(Default)]
struct World {
    /// Every entry, in order.
    log: Vec<(KeyId, String)>,
    /// What stands in the place of lines of the log, by log index.
    garbled: HashMap<usize, String>,
    /// Chains whose audit log does not come.
    held: HashSet<KeyId>,
    /// Chains whose audit log the server cannot give.
    failing: HashSet<KeyId>,
    /// How often the audit log of a chain was asked for.
    asked: HashMap<KeyId, usize>,
}

impl Fake {
    /// Serves on `listener`, for as long as the test runs.
    pub(crate) fn start(listener: TcpListener) -> Fake {
        let fake = Fake(Arc::new((Mutex::default(), watch::Sender::new(()))));
        let router = Router::new()
            .route("/v1/export", get(export))
            .route("/v1/sigchains/ed25519/{hex}/audit", get(audit))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It took an event, which is in the owner's view too; gives its log index.
    pub(crate) fn take(&self, owner: &mut Owner, event: &[u8]) -> usize {
        owner.saw(event);
        self.take_unseen(owner.chain.id(), event)
    }

    /// It took an event that nobody has judged.
    pub(crate) fn take_unseen(&self, chain: KeyId, event: &[u8]) -> usize {
        let mut world = self.world();
        world.log.push((chain, String::from_utf8(event.to_vec()).expect("JSON is UTF-8")));
        world.log.len()
    }

    /// The line of this log index is this from now on.
    pub(crate) fn garble(&self, log_index: usize, line: &str) {
        self.world().garbled.insert(log_index, line.to_owned());
    }

    /// Whether the audit log of a chain does not come.
    pub(crate) fn hold(&self, chain: KeyId, is_held: bool) {
        let mut world = self.world();
        if is_held {
            world.held.insert(chain)
        } else {
            world.held.remove(&chain)
        };
        drop(world);
        self.0.1.send_replace(());
    }

    /// Whether the audit log of a chain cannot be given.
    pub(crate) fn fail(&self, chain: KeyId, fails: bool) {
        let mut world = self.world();
        if fails {
            world.failing.insert(chain)
        } else {
            world.failing.remove(&chain)
        };
    }

    /// How often the audit log of a chain was asked for.
    pub(crate) fn asked(&self, chain: &KeyId) -> usize {
        self.world().asked.get(chain).copied().unwrap_or(0)
    }
}

#[derive(Deserialize)]
struct Page {
    after: usize,
    limit: usize,
}

async fn export(State(fake): State<Fake>, Query(page): Query<Page>) -> String {
    let world = fake.world();
    let lines = (1..).zip(&world.log).skip(page.after).take(page.limit).map(|(index, (chain, event))| {
        world.garbled.get(&index).cloned().unwrap_or_else(|| {
            format!(r#"{{"log_index":{index},"chain":"{chain}","event":{event},"received_at":"{RECEIVED_AT}"}}"#)
        }) + "\n"
    });
    lines.collect()
}

async fn audit(State(fake): State<Fake>, Path(hex): Path<String>) -> Response {
    let chain = KeyId::from_parts("ed25519", &hex).expect("a chain");
    *fake.world().asked.entry(chain).or_default() += 1;
    let mut changes = fake.0.1.subscribe();
    while fake.world().held.contains(&chain) {
        changes.changed().await.expect("the server is there");
    }
    let world = fake.world();
    if world.failing.contains(&chain) {
        return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let entries: Vec<String> = world
        .log
        .iter()
        .filter(|(of, _)| *of == chain)
        .map(|(_, event)| format!(r#"{{"event":{event},"received_at":"{RECEIVED_AT}"}}"#))
        .collect();
    format!(r#"{{"chain":"{chain}","entries":[{}]}}"#, entries.join(",")).into_response()
}
