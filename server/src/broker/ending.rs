//! What happens when a key may no longer log in: other servers hear of it, its sessions end, its inbox goes.
//!
//! A login that was approved just before the release may be recorded by the broker just after its sessions were listed.
//! So the list is looked through again until no answer of that time can still be on its way.
//!
//! The broker lists sessions by handle. One that this server knows to be of a key that may stay is left alone; any other
//! is ended, and whoever has the right to comes back by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kez_core::{Handle, KeyId};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Broker, sessions};
use crate::registry::Registry;

/// Where servers tell each other of changes, inside the account that no user is in.
pub(super) const SUBJECT: &str = "kez.registry.changed";
/// When the sessions of a key are looked through, after its release.
const SWEEPS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(800), Duration::from_secs(2), Duration::from_secs(4)];
/// The pause after something failed.
const RETRY: Duration = Duration::from_millis(500);
/// More keys than these at once are looked for in one list of everybody.
const FEW: usize = 8;

/// A change to the registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// The handle that it is about.
    pub(crate) handle: Handle,
    /// A key that it is about.
    pub(crate) key: KeyId,
    /// The identity's chain, whose inbox it is.
    pub(crate) chain: KeyId,
    /// Whether it ends what the key may do.
    pub(crate) is_end: bool,
}

/// How far the end of a key has come.
struct Ending {
    handle: Handle,
    chain: KeyId,
    since: Instant,
    due: Instant,
    sweeps: usize,
    is_inbox_gone: bool,
}

/// Ends what `changes` says, for as long as the server runs.
pub(super) async fn run(broker: Arc<Broker>, registry: Arc<Registry>, mut changes: mpsc::UnboundedReceiver<Ended>) {
    let mut endings: HashMap<KeyId, Ending> = HashMap::new();
    loop {
        let next = endings.values().map(|ending| ending.due).min();
        tokio::select! {
            change = changes.recv() => {
                let Some(change) = change else { return };
                tell(&broker, &change).await;
                if change.is_end {
                    let now = Instant::now();
                    let Ended { handle, key, chain, .. } = change;
                    endings.insert(key, Ending { handle, chain, since: now, due: now, sweeps: 0, is_inbox_gone: false });
                }
            }
            () = async { tokio::time::sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {
                sweep(&broker, &registry, &mut endings).await;
            }
        }
    }
}

async fn tell(broker: &Broker, change: &Ended) {
    let payload = crate::registry::json(change).into();
    if let Err(error) = broker.store.client.publish(SUBJECT, payload).await {
        tracing::warn!(%error, "other servers do not hear of a change; they ask the database until the broker is back");
    }
}

async fn sweep(broker: &Broker, registry: &Registry, endings: &mut HashMap<KeyId, Ending>) {
    let now = Instant::now();
    let due: Vec<KeyId> = endings.iter().filter(|(_, ending)| ending.due <= now).map(|(key, _)| *key).collect();
    let mut still = Vec::new();
    for key in due {
        match registry.is_standing(&key).await {
            // Refused after all, or registered again: it may stay.
            Ok(true) => drop(endings.remove(&key)),
            Ok(false) => still.push(key),
            Err(_) => postpone(endings, &key),
        }
    }
    let handles: Vec<Handle> = still.iter().filter_map(|key| Some(endings.get(key)?.handle.clone())).collect();
    let swept = end_sessions(broker, registry, &handles).await;
    if let Err(error) = &swept {
        tracing::warn!(%error, "sessions that should end cannot be looked through yet");
    }
    for key in still {
        let Some(ending) = endings.get_mut(&key) else { continue };
        if !ending.is_inbox_gone {
            ending.is_inbox_gone = remove_inbox(broker, registry, &ending.chain).await;
        }
        if swept.is_err() {
            postpone(endings, &key);
            continue;
        }
        // A sweep that came late counts for all that were due before it.
        while SWEEPS.get(ending.sweeps).is_some_and(|after| ending.since + *after <= now) {
            ending.sweeps += 1;
        }
        match SWEEPS.get(ending.sweeps) {
            Some(after) => ending.due = ending.since + *after,
            None if ending.is_inbox_gone => drop(endings.remove(&key)),
            None => postpone(endings, &key),
        }
    }
}

fn postpone(endings: &mut HashMap<KeyId, Ending>, key: &KeyId) {
    if let Some(ending) = endings.get_mut(key) {
        ending.due = Instant::now() + RETRY;
    }
}

async fn end_sessions(broker: &Broker, registry: &Registry, handles: &[Handle]) -> Result<(), String> {
    let sys = &broker.sys.client;
    let mut sessions = Vec::new();
    if handles.len() > FEW {
        sessions = sessions::list(sys, None).await?;
        sessions.retain(|session| handles.iter().any(|handle| handle.as_str() == session.handle));
    } else {
        for handle in handles {
            sessions.extend(sessions::list(sys, Some(handle.as_str())).await?);
        }
    }
    for session in sessions {
        let may_stay = match broker.granted.get(&session.connection) {
            Some(key) => matches!(registry.is_standing(&key).await, Ok(true)),
            None => false,
        };
        if !may_stay {
            tracing::info!(handle = session.handle, "ending a session");
            sessions::kick(sys, &session).await?;
        }
    }
    Ok(())
}

/// Whether the inbox is gone for good, or is to stay: the identity has its handle and lost a key only.
async fn remove_inbox(broker: &Broker, registry: &Registry, chain: &KeyId) -> bool {
    match registry.has_handle(chain).await {
        Ok(true) => return true,
        Ok(false) => {}
        Err(_) => return false,
    }
    if let Err(error) = broker.inboxes.remove(chain).await {
        tracing::warn!(%error, "an inbox that should go cannot be removed yet");
        return false;
    }
    // Registered again in the meantime, and perhaps logged in: then it needs its inbox back.
    match registry.has_handle(chain).await {
        Ok(false) => true,
        Ok(true) => broker.inboxes.ensure(chain).await.is_ok(),
        Err(_) => false,
    }
}
