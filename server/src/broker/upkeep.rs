//! What keeps the broker's side right, whatever happened while one of them was away.

use std::sync::Arc;
use std::time::Duration;

use super::{Broker, sessions};
use crate::registry::{Found, Registry};

/// How often everything is looked through although nothing happened.
const EVERY: Duration = Duration::from_secs(600);
/// The pause after something failed.
const RETRY: Duration = Duration::from_secs(2);

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
