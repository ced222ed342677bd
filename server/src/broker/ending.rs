//! What happens when a key may no longer log in: other servers hear of it, its sessions end, its inbox goes.
//!
//! A login that was approved just before the release may be recorded by the broker just after its sessions were listed.
//! So the list is looked through again until no answer of that time can still be on its way.

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
    /// The key that asked for it.
    pub(crate) key: KeyId,
    /// Whether it ends what the key may do.
    pub(crate) is_release: bool,
}

/// How far the end of a key has come.
struct Ending {
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
                if change.is_release {
                    let now = Instant::now();
                    endings.insert(change.key, Ending { since: now, due: now, sweeps: 0, is_inbox_gone: false });
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
        match registry.find_by_key(&key).await {
            // Refused after all, or registered again: it may stay.
            Ok(Some(_)) => drop(endings.remove(&key)),
            Ok(None) => still.push(key),
            Err(_) => postpone(endings, &key),
        }
    }
    let swept = end_sessions(broker, &still).await;
    if let Err(error) = &swept {
        tracing::warn!(%error, "sessions that should end cannot be looked through yet");
    }
    for key in still {
        let Some(ending) = endings.get_mut(&key) else { continue };
        if !ending.is_inbox_gone {
            ending.is_inbox_gone = remove_inbox(broker, registry, &key).await;
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

async fn end_sessions(broker: &Broker, keys: &[KeyId]) -> Result<(), String> {
    let sys = &broker.sys.client;
    if keys.len() > FEW {
        let sessions = sessions::list(sys, None).await?;
        for session in sessions.iter().filter(|session| keys.contains(&session.key)) {
            sessions::kick(sys, session).await?;
        }
        return Ok(());
    }
    for key in keys {
        for session in sessions::list(sys, Some(key)).await?.iter().filter(|session| session.key == *key) {
            tracing::info!(%key, "ending a session");
            sessions::kick(sys, session).await?;
        }
    }
    Ok(())
}

/// Whether the inbox is gone for good.
async fn remove_inbox(broker: &Broker, registry: &Registry, key: &KeyId) -> bool {
    if let Err(error) = broker.inboxes.remove(key).await {
        tracing::warn!(%error, "an inbox that should go cannot be removed yet");
        return false;
    }
    // Registered again in the meantime, and perhaps logged in: then it needs its inbox back.
    match registry.find_by_key(key).await {
        Ok(None) => true,
        Ok(Some(_)) => broker.inboxes.ensure(key).await.is_ok(),
        Err(_) => false,
    }
}
