//! The streams that hold everybody's inbox and every device's mailbox, and each box's consumer: made and kept right by the
//! server, because a user who may make a consumer chooses where its messages go.

mod config;
mod removal;
mod repairs;
mod stream;
mod upkeep;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, Context};
use kez_core::KeyId;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use self::config::{consumer, is_right};
use super::jetstream::{PATIENCE, Trouble, ask};
use super::kind::Kind;
pub(super) use upkeep::keep;

/// Between two looks at whether the stream is there again.
const LOOK: Duration = Duration::from_millis(100);
/// JetStream's code for "no such consumer".
const CONSUMER_NOT_FOUND: u64 = 10_014;
/// JetStream's code for "no such stream".
const STREAM_NOT_FOUND: u64 = 10_059;
/// What the operator decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a message is kept that nobody fetches.
    pub(crate) max_age: Duration,
    /// Bytes of all boxes together.
    pub(crate) max_bytes: i64,
    /// Messages that one sender can hold in one box.
    pub(crate) per_sender: i64,
}

/// All boxes of one kind.
pub(crate) struct Boxes {
    kind: Kind,
    client: Client,
    jetstream: Context,
    limits: Limits,
    /// The keys of boxes whose consumer is there and right.
    ready: Mutex<HashSet<KeyId>>,
    /// Those whose key is not active any more, and since when, in seconds since 1970.
    retired: Mutex<HashMap<KeyId, i64>>,
    /// Whether the broker and the stream are as they have to be, once that is known. Otherwise nobody is let in.
    is_fit: watch::Sender<Option<bool>>,
    /// The stream's settings when it was made right, as the broker writes them.
    right: Mutex<Option<Value>>,
}

#[derive(Deserialize)]
struct Info<C> {
    config: C,
}

impl Boxes {
    pub(super) fn new(kind: Kind, client: Client, limits: Limits) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(PATIENCE);
        let is_fit = watch::Sender::new(None);
        let (ready, retired, right) = Default::default();
        Boxes { kind, client, jetstream, limits, ready, retired, is_fit, right }
    }

    /// Sees to it that the consumer of this key's box is there. Costs nothing when it is known to be.
    pub(crate) async fn ensure(&self, of: &KeyId) -> Result<(), String> {
        if !self.is_fit().await {
            return Err(format!("the broker, or its stream {}, is not as it has to be", self.kind.stream()));
        }
        if self.is_ready(of) {
            return Ok(());
        }
        self.make(consumer(self.kind, of)).await?;
        self.retired().remove(of);
        self.lock().insert(*of);
        Ok(())
    }

    /// Makes a consumer, or makes it right.
    async fn make(&self, wanted: pull::Config) -> Result<(), String> {
        let stream = self.kind.stream();
        let name = wanted.durable_name.clone().unwrap_or_default();
        let made = self.jetstream.create_consumer_on_stream(wanted.clone(), stream).await;
        if made.as_ref().is_ok_and(|made| made.cached_info().config.pause_until.is_some()) {
            // Nothing else ends that.
            let call = format!("CONSUMER.PAUSE.{stream}.{name}");
            ask::<Value>(&self.client, &call, &json!({})).await.map_err(|trouble| trouble.to_string())?;
        }
        if let Err(error) = made {
            // Made by somebody else, in a way that cannot be changed in place. What was delivered and not acknowledged is
            // delivered again.
            tracing::warn!(consumer = name, %error, "a consumer cannot be changed and is made anew");
            self.delete_consumer(&name).await?;
            self.jetstream.create_consumer_on_stream(wanted, stream).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// As [`Boxes::ensure`], for somebody who logs in: a stream that is gone is about to be made again, and waited for.
    pub(crate) async fn ensure_soon(&self, of: &KeyId) -> Result<(), String> {
        let waiting_since = Instant::now();
        while let Err(why) = self.ensure(of).await {
            if !self.is_gone().await {
                return self.ensure(of).await;
            }
            if waiting_since.elapsed() >= PATIENCE {
                return Err(why);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Whether the consumer of this key's box is there and as it has to be, by the broker's word of now.
    async fn has_right_consumer(&self, of: &KeyId) -> Result<bool, Trouble> {
        let found = self.consumer_config(of).await?;
        Ok(found.is_some_and(|found| is_right(&found, &consumer(self.kind, of))))
    }

    /// How the consumer of this key's box is set up, if there is one.
    async fn consumer_config(&self, of: &KeyId) -> Result<Option<jetstream::consumer::Config>, Trouble> {
        let call = format!("CONSUMER.INFO.{}.{}", self.kind.stream(), of.hex());
        match ask::<Info<jetstream::consumer::Config>>(&self.client, &call, &Value::Null).await {
            Ok(info) => Ok(Some(info.config)),
            Err(Trouble::Refused(refused)) if refused.err_code == CONSUMER_NOT_FOUND => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The consumer may be gone, or changed.
    fn doubt_consumer(&self, of: &KeyId) {
        self.lock().remove(of);
    }

    /// Another broker may be there than before: nobody is let in until it is known to be fit.
    pub(super) fn doubt(&self) {
        self.is_fit.send_replace(None);
        self.lock().clear();
    }

    /// The broker can never do: nobody is let in.
    pub(super) fn refuse(&self) {
        self.is_fit.send_replace(Some(false));
    }

    /// Whether broker and stream are as they have to be. When the server has just started, it takes a moment to tell.
    async fn is_fit(&self) -> bool {
        let mut known = self.is_fit.subscribe();
        let fit = tokio::time::timeout(PATIENCE, known.wait_for(Option::is_some)).await;
        matches!(fit, Ok(Ok(fit)) if *fit == Some(true))
    }

    /// Whether the consumer of this key's box was there when somebody looked last, and nothing was heard of it since.
    pub(crate) fn is_ready(&self, of: &KeyId) -> bool {
        self.lock().contains(of)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<KeyId>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retired(&self) -> MutexGuard<'_, HashMap<KeyId, i64>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
