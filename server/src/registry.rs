//! The registry of handles: the protocol's checks before the store, and ready answers in front of it.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use kez_core::webfinger::Jrd;
use kez_core::{Admission, Handle, Hash, KeyId, Record, ServerName, Timestamp};

use crate::cache::Cache;
use crate::clock::Clock;
use crate::refused::Refused;
use kez_store::handles::{Handles, Row};

/// What is known of a handle.
#[derive(Clone, Debug)]
pub enum Found {
    /// It is live.
    Live(Arc<Entry>),
    /// It was released.
    Released {
        /// When.
        at: Timestamp,
        /// The chain that had it, where there is one: whoever that speaks for may take the handle again.
        chain: Option<KeyId>,
    },
    /// Nobody ever registered it.
    Unknown,
}

/// A live handle with its answers, ready to be sent.
#[derive(Debug)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// The record as JSON, and its entity tag.
    pub record_body: Tagged,
    /// The signed registration's canonical bytes, and their entity tag.
    pub registration_body: Tagged,
    /// The WebFinger descriptor with all links.
    pub jrd: Jrd,
    /// The same as JSON.
    pub jrd_body: Bytes,
}

/// Bytes with a strong entity tag (RFC 9110 section 8.8.3).
#[derive(Clone, Debug)]
pub struct Tagged {
    /// The body.
    pub body: Bytes,
    /// The quoted tag.
    pub etag: HeaderValue,
}

impl Tagged {
    /// Tags `body` with the first half of its SHA-256.
    #[must_use]
    pub fn new(body: Vec<u8>) -> Self {
        let hash = Hash::of(&body).to_string();
        let tag = format!("\"{}\"", &hash["sha256:".len()..][..32]);
        let etag = HeaderValue::try_from(tag).expect("hex digits in quotes are a header value");
        Tagged { body: body.into(), etag }
    }
}

/// What a server calls itself in its answers.
#[derive(Clone, Debug)]
pub struct Names {
    /// The part behind the `@`.
    pub server: ServerName,
    /// Without a slash at its end.
    pub public_url: String,
    /// Without a slash at its end.
    pub sig_server_url: String,
    /// Where browsers reach the message broker, if they do.
    pub nats_ws_url: Option<String>,
    /// The account key that signs logins at the broker, if there is one.
    pub nats_issuer: Option<String>,
}

/// The handles of one server.
pub struct Registry {
    store: Arc<dyn Handles>,
    clock: Arc<dyn Clock>,
    names: Names,
    cache: Arc<Answers>,
}

/// Ready answers by handle.
pub(crate) type Answers = Cache<Box<str>, Found>;

/// What an entry of them takes, in bytes, roughly.
pub(crate) const ANSWER_BYTES: u64 = 2_048;

impl Registry {
    /// A registry over a store, which must make `cache` forget every handle that changes.
    pub(crate) fn new(store: Arc<dyn Handles>, clock: Arc<dyn Clock>, names: Names, cache: Arc<Answers>) -> Self {
        Registry { store, clock, names, cache }
    }

    /// What the server calls itself.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Registers with a signed envelope; the flag says whether this request made the registration.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub async fn register(&self, envelope: &[u8]) -> Result<(Record, bool), Refused> {
        let now = self.clock.now();
        let admitted = Admission { server: &self.names.server, now }.registration(envelope)?;
        let registered = self.store.register(admitted, now).await??;
        Ok((self.record(&registered.row), registered.created))
    }

    /// Releases with a signed envelope; gives the handle and when.
    ///
    /// # Errors
    /// The first check that fails, or that the store is away.
    pub async fn release(&self, envelope: &[u8]) -> Result<(Handle, Timestamp), Refused> {
        let now = self.clock.now();
        let admitted = Admission { server: &self.names.server, now }.release(envelope)?;
        let row = self.store.release(admitted, now).await??;
        Ok((row.handle, row.released.map_or(now, |release| release.at)))
    }

    /// The cached entry of a live handle, if there is one; never waits.
    #[must_use]
    pub fn cached(&self, handle: &str) -> Option<Arc<Entry>> {
        match self.cache.get(handle)? {
            Found::Live(entry) => Some(entry),
            Found::Released { .. } | Found::Unknown => None,
        }
    }

    /// What is known of a handle.
    ///
    /// # Errors
    /// When the store is away and the answer is not cached.
    pub async fn find(&self, handle: &Handle) -> Result<Found, Refused> {
        if let Some(found) = self.cache.get(handle.as_str()) {
            return Ok(found);
        }
        let ticket = self.cache.ticket(handle.as_str());
        let Some(row) = self.store.by_handle(handle).await? else { return Ok(Found::Unknown) };
        let found = match &row.released {
            Some(release) => Found::Released { at: release.at, chain: row.standing.head.map(|_| row.standing.chain) },
            None => Found::Live(Arc::new(self.entry(&row))),
        };
        self.cache.put(handle.as_str().into(), ticket, found.clone());
        Ok(found)
    }

    /// Whether a key may speak for the identity of `handle` at the broker: it is the primary or an active device of the live
    /// handle's chain, which is in use.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn stands_for(&self, key: &KeyId, handle: &str) -> Result<bool, Refused> {
        Ok(self.find_by_key(key).await?.is_some_and(|record| record.active && record.handle == handle))
    }

    /// Whether a key that stood for the chain's identity does not any more.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn lost_a_key(&self, chain: &KeyId) -> Result<bool, Refused> {
        Ok(self.store.lost_a_key(chain).await?)
    }

    /// Whether a chain, by its genesis key, has a live handle.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn has_handle(&self, chain: &KeyId) -> Result<bool, Refused> {
        Ok(self.store.by_chain(chain).await?.is_some())
    }

    /// Whether a key may log in as a device: it is the primary or an active device of an identity that is in use and has a
    /// handle.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn is_device(&self, key: &KeyId) -> Result<bool, Refused> {
        Ok(self.find_by_key(key).await?.is_some_and(|record| record.active))
    }

    /// The record of the identity that a key stands for.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn find_by_key(&self, key: &KeyId) -> Result<Option<Record>, Refused> {
        Ok(self.store.by_key(key).await?.map(|row| self.record(&row)))
    }

    /// Whether the store can be read and written now.
    pub async fn is_ready(&self) -> bool {
        match self.store.check().await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the server is not ready");
                false
            }
        }
    }

    fn record(&self, row: &Row) -> Record {
        let Names { server, sig_server_url, .. } = &self.names;
        Record::new(&row.handle, server, row.primary, row.standing, sig_server_url, row.registered_at)
    }

    fn entry(&self, row: &Row) -> Entry {
        let record = self.record(row);
        let jrd = Jrd::new(&record, &self.names.public_url);
        Entry {
            record_body: Tagged::new(json(&record)),
            registration_body: Tagged::new(row.registration.clone()),
            jrd_body: json(&jrd).into(),
            jrd,
            record,
        }
    }
}

/// `value` as JSON.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers have string names and no failing parts")
}
