//! Who may start a chain here: the key of a live handle, and so many others an hour as the operator allows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kez_core::{KeyId, Timestamp};
use serde::Deserialize;

use crate::refused::Refused;

/// How long the registry may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest record that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 16 * 1024;
const SECONDS_PER_HOUR: i64 = 3_600;

/// Knows which keys own handles.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// The chain of the live handle that this key stands for, as its primary or as a device; none when it stands for
    /// none.
    ///
    /// # Errors
    /// [`Unreachable`] when nobody can say just now.
    async fn chain_of(&self, key: &KeyId) -> Result<Option<KeyId>, Unreachable>;
}

/// The registry cannot be asked just now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the registry of handles cannot be asked: {0}")]
pub struct Unreachable(pub String);

/// A chat server, asked over HTTP.
pub struct HttpRegistry {
    /// Origin, without a slash at its end.
    url: String,
    agent: ureq::Agent,
}

impl HttpRegistry {
    /// The chat server at `url`.
    #[must_use]
    pub fn new(url: String) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        HttpRegistry { url, agent: agent.max_redirects(0).build().into() }
    }
}

#[async_trait]
impl Registry for HttpRegistry {
    async fn chain_of(&self, key: &KeyId) -> Result<Option<KeyId>, Unreachable> {
        let url = format!("{}/v1/k/{}/{}", self.url, key.suite().as_str(), key.hex());
        let agent = self.agent.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let mut answer = agent.get(&url).call()?;
            let body = answer.body_mut().with_config().limit(MAX_RECORD_BYTES).read_to_string();
            Ok::<_, ureq::Error>((answer.status().as_u16(), body?))
        });
        match asked.await {
            Ok(Ok((200, body))) => chain_in(&body).map(|chain| Some(chain.unwrap_or(*key))),
            Ok(Ok((404 | 410, _))) => Ok(None),
            Ok(Ok((status, _))) => Err(Unreachable(format!("it answers {status}"))),
            Ok(Err(error)) => Err(Unreachable(error.to_string())),
            Err(error) => Err(Unreachable(error.to_string())),
        }
    }
}

/// The part of a record that matters here.
#[derive(Deserialize)]
struct Found {
    chain: Option<KeyId>,
}

/// The chain that a record names, if it does: a registry that follows no chains knows primaries alone.
fn chain_in(record: &str) -> Result<Option<KeyId>, Unreachable> {
    let found: Result<Found, _> = serde_json::from_str(record);
    found.map(|found| found.chain).map_err(|error| Unreachable(format!("its record cannot be read: {error}")))
}

/// What the gate says to a genesis.
#[derive(Clone, Debug)]
pub(crate) enum Admission {
    /// Come in.
    Granted,
    /// Not without a handle.
    Denied,
    /// Ask later.
    Unknown(Unreachable),
}

impl Admission {
    /// Whether the genesis may come in.
    pub(crate) fn granted(self) -> Result<(), Refused> {
        match self {
            Admission::Granted => Ok(()),
            Admission::Denied => Err(Refused::NotAdmitted),
            Admission::Unknown(unreachable) => Err(unreachable.into()),
        }
    }
}

/// The gate for new chains.
pub(crate) struct Gate {
    registry: Option<Arc<dyn Registry>>,
    per_hour: u32,
    /// The hour that is counted, and how many came in.
    open: Mutex<(i64, u32)>,
}

impl Gate {
    pub(crate) fn new(registry: Option<Arc<dyn Registry>>, per_hour: u32) -> Self {
        Gate { registry, per_hour, open: Mutex::new((0, 0)) }
    }

    /// Judges a genesis that is about to be stored; one of the hour's places is taken when the key has no handle.
    pub(crate) async fn admit(&self, chain: &KeyId, now: Timestamp) -> Admission {
        self.admit_or(chain, || self.take_place(now)).await
    }

    /// The same for a genesis that nobody has seen yet; nothing is taken.
    pub(crate) async fn would_admit(&self, chain: &KeyId, now: Timestamp) -> Admission {
        self.admit_or(chain, || self.has_place(now)).await
    }

    async fn admit_or(&self, chain: &KeyId, is_open: impl FnOnce() -> bool) -> Admission {
        let known = match &self.registry {
            Some(registry) => registry.chain_of(chain).await.map(|found| found == Some(*chain)),
            None => Ok(false),
        };
        match known {
            Ok(true) => Admission::Granted,
            _ if is_open() => Admission::Granted,
            Ok(false) => Admission::Denied,
            Err(unreachable) => Admission::Unknown(unreachable),
        }
    }

    /// Whether `key` may come to stand for `chain`: it stands for no other identity.
    ///
    /// # Errors
    /// [`Unreachable`] when nobody can say just now.
    pub(crate) async fn may_stand_for(&self, key: &KeyId, chain: &KeyId) -> Result<bool, Unreachable> {
        match &self.registry {
            Some(registry) => registry.chain_of(key).await.map(|found| found.is_none_or(|found| found == *chain)),
            None => Ok(true),
        }
    }

    fn take_place(&self, now: Timestamp) -> bool {
        let mut taken = self.taken(now);
        let is_free = taken.1 < self.per_hour;
        taken.1 += u32::from(is_free);
        is_free
    }

    fn has_place(&self, now: Timestamp) -> bool {
        self.taken(now).1 < self.per_hour
    }

    /// This hour, and how many came in.
    fn taken(&self, now: Timestamp) -> MutexGuard<'_, (i64, u32)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.unix().div_euclid(SECONDS_PER_HOUR);
        if open.0 != hour {
            *open = (hour, 0);
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_an_hour() {
        let gate = Gate::new(None, 2);
        let at = |seconds| {
            let now = Timestamp::from_unix(seconds);
            let has_place = gate.has_place(now);
            assert_eq!(gate.take_place(now), has_place);
            has_place
        };
        assert_eq!([at(10), at(20), at(3_599)], [true, true, false]);
        assert_eq!([at(3_600), at(3_601), at(3_602)], [true, true, false]);
        assert!(!Gate::new(None, 0).take_place(Timestamp::from_unix(0)));
    }
}
