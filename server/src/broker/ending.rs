//! What happens when a key may no longer log in: its sessions end, its inbox goes.
//!
//! A login that was approved just before the release may be recorded by the broker just after its sessions were listed.
//! So the list is looked through again until no answer of that time can still be on its way.
//!
//! The broker lists sessions by handle. One that this server knows to be of a key that may stay is left alone; any other
//! is ended, and whoever has the right to comes back by itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use kez_core::{Handle, KeyId};
use kez_store::changes::Change;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Broker;
use super::sessions::{self, Session};
use crate::registry::Registry;

/// When the sessions of a key are looked through, after its release.
const SWEEPS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(800), Duration::from_secs(2), Duration::from_secs(4)];
/// The pause after something failed.
const RETRY: Duration = Duration::from_millis(500);
/// More handles than these at once are looked for in one list of everybody.
const FEW: usize = 32;
/// Sessions that are ended side by side.
const AT_ONCE: usize = 32;

/// How far the end of a key has come.
struct Ending {
    handle: Handle,
    chain: KeyId,
    since: Instant,
    due: Instant,
    sweeps: usize,
    /// Whether the inbox was handed on to be removed.
    is_inbox_handed_on: bool,
}

/// Ends what `ended` says, for as long as the server runs. Sessions end while an inbox cannot be removed.
pub(super) async fn run(broker: Arc<Broker>, registry: Arc<Registry>, ended: mpsc::UnboundedReceiver<Change>) {
    let (goes, gone) = mpsc::unbounded_channel();
    tokio::select! {
        () = end_all(&broker, &registry, ended, goes) => {}
        () = remove_all(&broker, &registry, gone) => {}
    }
}

async fn end_all(
    broker: &Broker,
    registry: &Registry,
    mut ended: mpsc::UnboundedReceiver<Change>,
    goes: mpsc::UnboundedSender<KeyId>,
) {
    let mut endings: HashMap<KeyId, Ending> = HashMap::new();
    loop {
        let next = endings.values().map(|ending| ending.due).min();
        tokio::select! {
            // Whatever came until now is looked for together.
            biased;
            change = ended.recv() => {
                let Some(Change { handle, keys, chain, .. }) = change else { return };
                let Some(handle) = handle else { continue };
                let now = Instant::now();
                for (key, _) in keys.into_iter().filter(|(_, is_end)| *is_end) {
                    let handle = handle.clone();
                    endings.insert(key, Ending { handle, chain, since: now, due: now, sweeps: 0, is_inbox_handed_on: false });
                }
            }
            () = async { tokio::time::sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {
                sweep(broker, registry, &mut endings, &goes).await;
            }
        }
    }
}

async fn sweep(
    broker: &Broker,
    registry: &Registry,
    endings: &mut HashMap<KeyId, Ending>,
    goes: &mpsc::UnboundedSender<KeyId>,
) {
    let now = Instant::now();
    let due: Vec<KeyId> = endings.iter().filter(|(_, ending)| ending.due <= now).map(|(key, _)| *key).collect();
    let mut still = Vec::new();
    for key in due {
        let Some(ending) = endings.get_mut(&key) else { continue };
        match registry.stands_for(&key, ending.handle.as_str()).await {
            // Refused after all, or registered again: it may stay.
            Ok(true) => drop(endings.remove(&key)),
            Ok(false) => {
                if !std::mem::replace(&mut ending.is_inbox_handed_on, true) {
                    // The other end lives as long as this does.
                    let _ = goes.send(ending.chain);
                }
                still.push(key);
            }
            Err(_) => ending.due = now + RETRY,
        }
    }
    let handles: HashSet<Handle> = still.iter().filter_map(|key| Some(endings.get(key)?.handle.clone())).collect();
    let swept = end_sessions(broker, registry, handles).await;
    if let Err(error) = &swept {
        tracing::warn!(%error, "sessions that should end cannot be looked through yet");
    }
    for key in still {
        let Some(ending) = endings.get_mut(&key) else { continue };
        if swept.is_err() {
            ending.due = Instant::now() + RETRY;
            continue;
        }
        // A sweep that came late counts for all that were due before it.
        while SWEEPS.get(ending.sweeps).is_some_and(|after| ending.since + *after <= now) {
            ending.sweeps += 1;
        }
        match SWEEPS.get(ending.sweeps) {
            Some(after) => ending.due = ending.since + *after,
            None => drop(endings.remove(&key)),
        }
    }
}

/// Ends what the keys of these handles may not go on with. What can be listed is ended, although something else cannot.
async fn end_sessions(broker: &Broker, registry: &Registry, handles: HashSet<Handle>) -> Result<(), String> {
    let sys = &broker.sys.client;
    if handles.is_empty() {
        return Ok(());
    }
    if handles.len() > FEW {
        let mut sessions = sessions::list(sys, None).await?;
        sessions.retain(|session| handles.iter().any(|handle| handle.as_str() == session.handle));
        return end_those(broker, registry, sessions).await;
    }
    let ending = handles.iter().map(|handle| async move {
        let sessions = sessions::list(sys, Some(handle.as_str())).await?;
        end_those(broker, registry, sessions).await
    });
    join_all(ending).await.into_iter().collect()
}

async fn end_those(broker: &Broker, registry: &Registry, sessions: Vec<Session>) -> Result<(), String> {
    let ended: Vec<Result<(), String>> = stream::iter(sessions)
        .map(|session| async move {
            let may_stay = match broker.granted.get(&session.connection) {
                Some(key) => matches!(registry.stands_for(&key, &session.handle).await, Ok(true)),
                None => false,
            };
            if may_stay {
                return Ok(());
            }
            tracing::info!(handle = session.handle, "ending a session");
            sessions::kick(&broker.sys.client, &session.connection).await
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    ended.into_iter().collect()
}

/// Removes the inboxes of these chains, as soon as that is possible.
async fn remove_all(broker: &Broker, registry: &Registry, mut gone: mpsc::UnboundedReceiver<KeyId>) {
    let mut waiting = HashSet::new();
    loop {
        tokio::select! {
            chain = gone.recv() => {
                let Some(chain) = chain else { return };
                waiting.insert(chain);
            }
            () = tokio::time::sleep(RETRY), if !waiting.is_empty() => {}
        }
        for chain in waiting.clone() {
            if remove_inbox(broker, registry, &chain).await {
                waiting.remove(&chain);
            }
        }
    }
}

/// Whether the inbox is gone for good, or is to stay: the identity has its handle and lost a key only.
pub(super) async fn remove_inbox(broker: &Broker, registry: &Registry, chain: &KeyId) -> bool {
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
