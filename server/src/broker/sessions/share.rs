//! Servers of one queue group tell each other whom they let in, in the account where no user is: a limit is one limit,
//! however many servers answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use kez_core::{Handle, KeyId};
use serde::{Deserialize, Serialize};

use super::Held;
use crate::broker::Broker;
use crate::callout::{Connection, Rights};

/// Where they do.
const SUBJECT: &str = "kez.sessions.granted";
/// How long a grant may wait for others, which go together: a login waits for none of this.
const PAUSE: Duration = Duration::from_millis(50);
/// Most grants in one message; a grant is about 250 bytes.
const MOST: usize = 200;

/// What this server granted and has not told yet.
#[derive(Default)]
pub(in crate::broker) struct Shared(Mutex<Vec<Grant>>);

#[derive(Serialize, Deserialize)]
struct Grant {
    server: String,
    cid: u64,
    key: KeyId,
    handle: Handle,
    chain: KeyId,
    may_send: bool,
    /// Servers before mailboxes do not say it.
    #[serde(default = "yes")]
    may_chat: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Serialize, Deserialize)]
struct Told {
    /// Who tells it: what one said oneself is no news.
    by: String,
    grants: Vec<Grant>,
}

impl Shared {
    /// Remembers to tell it.
    pub(in crate::broker) fn push(&self, connection: &Connection, key: KeyId, chain: KeyId, held: &Held) {
        let Connection { server, cid } = connection.clone();
        let Rights { send: may_send, chat: may_chat } = held.rights;
        let grant = Grant { server, cid, key, handle: held.handle.clone(), chain, may_send, may_chat };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(grant);
    }

    fn take(&self) -> Vec<Grant> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the others, for as long as the server runs. Nobody answers: what gets lost is found in the broker's list.
pub(in crate::broker) async fn tell(broker: Arc<Broker>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let mut grants = broker.shared.take();
        while !grants.is_empty() {
            let rest = grants.split_off(grants.len().min(MOST));
            let told = Told { by: broker.name.clone(), grants };
            let payload = serde_json::to_vec(&told).unwrap_or_default();
            if broker.store.is_up() {
                // The client's own queue; should it be gone, the server is too.
                let _ = broker.store.client.publish(SUBJECT, payload.into()).await;
            }
            grants = rest;
        }
    }
}

/// Hears the others.
pub(in crate::broker) async fn hear(broker: Arc<Broker>) {
    let mut news = match broker.store.client.subscribe(SUBJECT).await {
        Ok(news) => news,
        Err(error) => return tracing::error!(%error, "what other servers grant cannot be heard"),
    };
    while let Some(message) = news.next().await {
        match serde_json::from_slice::<Told>(&message.payload) {
            Ok(told) if told.by == broker.name => {}
            Ok(told) => {
                for Grant { server, cid, key, handle, chain, may_send, may_chat } in told.grants {
                    let rights = Rights { send: may_send, chat: may_chat };
                    let connection = Connection { server, cid };
                    broker.granted.insert(connection.clone(), key);
                    let held = Held { key: Some(key), handle, chain: Some(chain), rights };
                    broker.sessions.granted_elsewhere(connection, held);
                }
            }
            Err(error) => tracing::warn!(%error, "what another server granted cannot be read"),
        }
    }
}
