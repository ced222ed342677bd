//! What the broker says of sessions: that one began or ended, in the order in which it happened; and its list of all of
//! them, whenever something may have been missed, and every now and then.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Message;
use futures_util::StreamExt as _;
use kez_core::{Handle, KeyId};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Held;
use super::list::{Server, list};
use crate::broker::Broker;
use crate::callout::{Connection, Rights};
use crate::registry::{Found, Registry};

/// Where the broker says it, of every account: a client that was granted a session and never got it ends in none.
const EVENTS: &str = "$SYS.ACCOUNT.*.*";
/// The account of users' sessions.
const USERS: &str = "USERS";
/// How often all sessions are listed although nothing was missed.
const EVERY: Duration = Duration::from_secs(60);
/// The pause after the list could not be had.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Event {
    server: Server,
    client: Client,
}

#[derive(Deserialize)]
struct Client {
    id: u64,
    #[serde(default)]
    acc: String,
    #[serde(default)]
    user: String,
}

/// Keeps the table of sessions right, for as long as the server runs.
///
/// Events wait while a list is on its way, and are taken after it: one that it knows already changes nothing.
pub(in crate::broker) async fn watch(broker: Arc<Broker>, registry: Arc<Registry>) {
    let mut events = match broker.sys.client.subscribe(EVENTS).await {
        Ok(events) => events,
        Err(error) => return tracing::error!(%error, "the broker's sessions cannot be counted"),
    };
    let (mut seen, mut next) = (0, Instant::now() + EVERY);
    loop {
        tokio::select! {
            biased;
            () = broker.sys.went_down(seen) => {
                broker.sessions.lose_sight();
                broker.sys.came_up(&mut seen).await;
            }
            event = events.next() => {
                let Some(event) = event else { return };
                take(&broker, &registry, &event).await;
                continue;
            }
            () = tokio::time::sleep_until(next) => {}
        }
        let pause = match look(&broker, &registry).await {
            Ok(()) => {
                broker.knows_sessions.store(true, Ordering::Release);
                EVERY
            }
            Err(error) => {
                tracing::debug!(error, "the sessions cannot be listed yet");
                RETRY
            }
        };
        next = Instant::now() + pause;
        metrics::gauge!("broker_sessions").set(f64::from(u32::try_from(broker.sessions.count()).unwrap_or(u32::MAX)));
    }
}

async fn take(broker: &Broker, registry: &Registry, event: &Message) {
    let kind = event.subject.rsplit('.').next();
    let Ok(Event { server, client }) = serde_json::from_slice(&event.payload) else { return };
    let connection = Connection { server: server.id, cid: client.id };
    match kind {
        Some("CONNECT") if client.acc == USERS => note(broker, registry, &connection, &client.user).await,
        Some("DISCONNECT") => broker.sessions.closed(&connection, client.acc == USERS),
        _ => {}
    }
}

/// An open session is in the table, with all that can be known of it.
async fn note(broker: &Broker, registry: &Registry, connection: &Connection, user: &str) {
    // The name in its JWT, which this server's kind wrote.
    let Ok(handle) = user.parse::<Handle>() else { return };
    let key = broker.granted.get(connection);
    let unknown = || Held { key, handle: handle.clone(), chain: None, rights: Rights::FULL };
    if broker.sessions.opened(connection, unknown)
        && let Some(chain) = chain_of(registry, &handle).await
    {
        broker.sessions.is_of(connection, chain);
    }
}

async fn chain_of(registry: &Registry, handle: &Handle) -> Option<KeyId> {
    match registry.find(handle).await {
        Ok(Found::Live(entry)) => Some(entry.record.chain),
        _ => None,
    }
}

async fn look(broker: &Broker, registry: &Registry) -> Result<(), String> {
    let asked = Instant::now();
    let listed = list(&broker.sys.client, None).await?;
    let open: HashSet<Connection> = listed.iter().map(|session| session.connection.clone()).collect();
    broker.sessions.only(&open, None, asked);
    for session in listed {
        note(broker, registry, &session.connection, &session.handle).await;
    }
    Ok(())
}

/// Somebody of these handles was refused because of too many sessions: whether it has them is asked at once. What nobody
/// said was over stops counting.
pub(in crate::broker) async fn verify(broker: Arc<Broker>, mut doubted: mpsc::Receiver<Handle>) {
    while let Some(handle) = doubted.recv().await {
        let asked = Instant::now();
        if let Ok(listed) = list(&broker.sys.client, Some(handle.as_str())).await {
            let open = listed.into_iter().map(|session| session.connection).collect();
            broker.sessions.only(&open, Some(&handle), asked);
        }
    }
}
