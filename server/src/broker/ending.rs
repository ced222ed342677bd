//! What happens when a key may no longer log in: its sessions end, its inbox goes with the handle, and its mailbox stays for
//! a time, should that be undone.
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
use kez_core::{Handle, KeyId, Timestamp};
use kez_store::changes::Change;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Broker;
use super::kind::Kind;
use super::sessions::{self, Session};
use crate::clock::Clock;
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

/// How long the mail of a key that is not active any more stays, in seconds.
const MAIL_STAYS_SECS: i64 = 72 * 3600;

/// How often it is looked whose time is over.
const MAIL_LOOK: Duration = Duration::from_secs(2);

/// How far the end of a key has come.
struct Ending {
    handle: Handle,
    chain: KeyId,
    since: Instant,
    due: Instant,
    sweeps: usize,
    /// Whether the boxes were handed on to be let go.
    is_handed_on: bool,
}

/// Ends what `ended` says, for as long as the server runs. Sessions end while a box cannot be let go.
pub(super) async fn run(
    broker: Arc<Broker>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    ended: mpsc::UnboundedReceiver<Change>,
) {
    let (goes, gone) = mpsc::unbounded_channel();
    tokio::select! {
        () = end_all(&broker, &registry, ended, goes) => {}
        () = let_all_go(&broker, &registry, &*clock, gone) => {}
    }
}

async fn end_all(
    broker: &Broker,
    registry: &Registry,
    mut ended: mpsc::UnboundedReceiver<Change>,
    goes: mpsc::UnboundedSender<(Kind, KeyId)>,
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
                    endings.insert(key, Ending { handle, chain, since: now, due: now, sweeps: 0, is_handed_on: false });
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
    goes: &mpsc::UnboundedSender<(Kind, KeyId)>,
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
                if !std::mem::replace(&mut ending.is_handed_on, true) {
                    // The other end lives as long as this does.
                    let _ = goes.send((Kind::Inbox, ending.chain));
                    let _ = goes.send((Kind::Mail, key));
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

/// Lets these boxes go, as soon as that is possible.
async fn let_all_go(
    broker: &Broker,
    registry: &Registry,
    clock: &dyn Clock,
    mut gone: mpsc::UnboundedReceiver<(Kind, KeyId)>,
) {
    let mut waiting = HashSet::new();
    loop {
        tokio::select! {
            boxed = gone.recv() => {
                let Some(boxed) = boxed else { return };
                waiting.insert(boxed);
            }
            () = tokio::time::sleep(RETRY), if !waiting.is_empty() => {}
        }
        for (kind, key) in waiting.clone() {
            if let_go(broker, registry, clock.now(), kind, &key).await {
                waiting.remove(&(kind, key));
            }
        }
    }
}

/// Whether the box is gone for good, or kept for as long as it has to be, or is to stay: its key is in use.
pub(super) async fn let_go(broker: &Broker, registry: &Registry, now: Timestamp, kind: Kind, key: &KeyId) -> bool {
    match kind.is_in_use(registry, key).await {
        Ok(true) => return true,
        Ok(false) => {}
        Err(_) => return false,
    }
    let boxes = broker.boxes(kind);
    let gone = match kind {
        Kind::Inbox => {
            tracing::info!(chain = %key, "removing the inbox of a handle that was released");
            boxes.remove(key).await
        }
        Kind::Mail => match boxes.retire(key, now.unix()).await {
            Ok(()) if boxes.retired_until(now.unix() - MAIL_STAYS_SECS).contains(key) => {
                tracing::info!(%key, "removing the mailbox of a key that is not active any more");
                boxes.remove(key).await
            }
            retired => retired,
        },
    };
    if let Err(error) = gone {
        tracing::warn!(%error, "one of the {} that should go cannot be removed yet", kind.plural());
        return false;
    }
    // In use again in the meantime, and perhaps logged in: then it needs its box back.
    match kind.is_in_use(registry, key).await {
        Ok(false) => true,
        Ok(true) => boxes.ensure(key).await.is_ok(),
        Err(_) => false,
    }
}

/// Whether the mailbox of a key that is not active stays for a time. When that cannot be told, it does.
pub(super) async fn is_kept(broker: &Broker, now: Timestamp, key: &KeyId) -> bool {
    match broker.mail.retired_since(key).await {
        Ok(None) => false,
        Ok(Some(since)) if since <= now.unix() - MAIL_STAYS_SECS => false,
        Ok(Some(_)) => {
            // Something waits there now, and other servers, and this one after a restart, have to know until when.
            if let Err(error) = broker.mail.retire(key, now.unix()).await {
                tracing::warn!(%key, error, "it cannot be noted at the broker how long a mailbox stays");
            }
            true
        }
        Err(_) => true,
    }
}

/// Removes the mailboxes whose time is over, for as long as the server runs.
pub(super) async fn remove_old_mail(broker: Arc<Broker>, registry: Arc<Registry>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(MAIL_LOOK).await;
        for key in broker.boxes(Kind::Mail).retired_until(clock.now().unix() - MAIL_STAYS_SECS) {
            // What cannot be removed is tried again.
            let _ = let_go(&broker, &registry, clock.now(), Kind::Mail, &key).await;
        }
    }
}
