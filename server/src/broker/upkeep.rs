//! What keeps the broker's side and this server's memory right, whatever happened while one of them was away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::ending::{Ended, SUBJECT};
use super::{Broker, sessions};
use crate::identities::ByKey;
use crate::registry::{Answers, Found, Registry};

/// How often everything is looked through although nothing happened.
const EVERY: Duration = Duration::from_secs(600);
/// The pause after something failed.
const RETRY: Duration = Duration::from_secs(2);

/// Hears of changes that other servers make, and forgets what they change.
pub(super) async fn hear(broker: Arc<Broker>, answers: Arc<Answers>, by_key: Arc<ByKey>) {
    let store = &broker.store;
    let mut news = match store.client.subscribe(SUBJECT).await {
        Ok(news) => news,
        // Without it nothing is cached, which is slow and right.
        Err(error) => return tracing::error!(%error, "changes of other servers cannot be heard"),
    };
    let mut seen = 0;
    loop {
        tokio::select! {
            () = store.came_up(&mut seen) => {
                if store.client.flush().await.is_ok() {
                    // Nobody knows what was missed.
                    by_key.forget_all();
                    answers.forget_all();
                    broker.hears_on.store(seen, Ordering::Release);
                }
            }
            message = news.next() => {
                let Some(message) = message else { return };
                match serde_json::from_slice::<Ended>(&message.payload) {
                    Ok(change) => {
                        by_key.forget(&change.key);
                        answers.forget(change.handle.as_str());
                    }
                    Err(error) => tracing::warn!(%error, "another server's news cannot be read"),
                }
            }
        }
    }
}

/// Ends sessions that should not be there, whenever the broker came up and every now and then: the server may have been
/// away when their keys lost their handles.
pub(super) async fn keep_sessions(broker: Arc<Broker>, registry: Arc<Registry>) {
    let (mut seen, mut is_first) = (0, true);
    loop {
        let pause = match look_through_sessions(&broker, &registry, is_first).await {
            Ok(()) => {
                is_first = false;
                EVERY
            }
            Err(error) => {
                tracing::debug!(error, "the sessions cannot be looked through yet");
                RETRY
            }
        };
        // Either is a reason to look again.
        let _ = tokio::time::timeout(pause, broker.sys.came_up(&mut seen)).await;
    }
}

/// The first time, nobody knows which keys were lost while the server was away, nor which key a session is of. So those of
/// identities that ever lost one end, and whoever has the right to comes back by itself.
async fn look_through_sessions(broker: &Broker, registry: &Registry, is_first: bool) -> Result<(), String> {
    let sys = &broker.sys;
    if !sys.is_up() {
        return Err("the broker is away".to_owned());
    }
    for session in sessions::list(&sys.client, None).await? {
        // When the registry cannot tell, nobody is thrown out.
        let may_stay = match broker.granted.get(&session.connection) {
            Some(key) => !matches!(registry.stands_for(&key, &session.handle).await, Ok(false)),
            None => match session.handle.parse() {
                Ok(handle) => match registry.find(&handle).await {
                    Ok(Found::Live(entry)) if is_first && entry.record.active => {
                        !matches!(registry.lost_a_key(&entry.record.chain).await, Ok(true))
                    }
                    Ok(Found::Live(entry)) => entry.record.active,
                    Ok(Found::Released { .. } | Found::Unknown) => false,
                    Err(_) => true,
                },
                Err(_) => false,
            },
        };
        if !may_stay {
            tracing::info!(handle = session.handle, "ending a session whose key holds no handle");
            sessions::kick(&sys.client, &session.connection).await?;
        }
    }
    Ok(())
}
