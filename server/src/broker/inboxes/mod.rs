//! The stream that holds everybody's inbox, and each identity's consumer of it: made and kept right by the server,
//! because a user who may make a consumer chooses where its messages go.

mod config;
mod repairs;
mod upkeep;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::{self, Context, stream};
use futures_util::TryStreamExt as _;
use kez_core::KeyId;
use kez_core::subject::{STREAM, Subjects, UNROUTED, inbox_of};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use self::config::{Difference, MAX_MESSAGE_BYTES, closed_stream, consumer, difference, is_right, stream};
use super::jetstream::{PATIENCE, Trouble, ask};
pub(super) use upkeep::keep;

/// The pause after something failed.
const RETRY: Duration = Duration::from_millis(500);
/// How long the name of a deleted stream is left alone. The broker removes the deleted stream's files a few milliseconds
/// after its name is free, and one that was made in between loses its own: it is there, and stores nothing ever after.
const LET_GO: Duration = Duration::from_secs(1);
/// Between two looks at whether the stream is there again.
const LOOK: Duration = Duration::from_millis(100);
/// JetStream's code for "no such consumer".
const CONSUMER_NOT_FOUND: u64 = 10_014;
/// JetStream's code for "no such stream".
const STREAM_NOT_FOUND: u64 = 10_059;
/// JetStream's code for a change of a stream that is not possible: some settings, once on, cannot be turned off.
const INVALID_CONFIG: u64 = 10_052;

/// What the operator decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a message is kept that nobody fetches.
    pub(crate) max_age: Duration,
    /// Bytes of all inboxes together.
    pub(crate) max_bytes: i64,
    /// Messages that one sender can hold at one recipient.
    pub(crate) per_sender: i64,
}

/// All inboxes.
pub(crate) struct Inboxes {
    client: Client,
    jetstream: Context,
    limits: Limits,
    /// Chain keys whose consumer is there and right.
    ready: Mutex<HashSet<KeyId>>,
    /// Whether the broker and the stream are as they have to be, once that is known. Otherwise nobody is let in.
    is_fit: watch::Sender<Option<bool>>,
    /// The stream's settings when it was made right, as the broker writes them.
    right: Mutex<Option<Value>>,
}

/// The consumers that there are.
pub(super) struct Found {
    /// The chain keys that have one.
    pub(super) all: Vec<KeyId>,
    /// Those whose consumer is not as it has to be.
    pub(super) wrong: Vec<KeyId>,
}

#[derive(Deserialize)]
struct Info<C> {
    config: C,
}

impl Inboxes {
    pub(super) fn new(client: Client, limits: Limits) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(PATIENCE);
        let is_fit = watch::Sender::new(None);
        Inboxes { client, jetstream, limits, ready: Mutex::default(), is_fit, right: Mutex::default() }
    }

    /// Sees to it that the identity's consumer is there. Costs nothing when it is known to be.
    pub(crate) async fn ensure(&self, chain: &KeyId) -> Result<(), String> {
        if !self.is_fit().await {
            return Err(format!("the broker, or its stream {STREAM}, is not as it has to be"));
        }
        if self.is_ready(chain) {
            return Ok(());
        }
        let wanted = consumer(&Subjects::of(chain));
        let name = wanted.durable_name.clone().unwrap_or_default();
        let made = self.jetstream.create_consumer_on_stream(wanted.clone(), STREAM).await;
        if made.as_ref().is_ok_and(|made| made.cached_info().config.pause_until.is_some()) {
            // Nothing else ends that.
            let call = format!("CONSUMER.PAUSE.{STREAM}.{name}");
            ask::<Value>(&self.client, &call, &json!({})).await.map_err(|trouble| trouble.to_string())?;
        }
        if let Err(error) = made {
            // Made by somebody else, in a way that cannot be changed in place. What was delivered and not acknowledged is
            // delivered again.
            tracing::warn!(consumer = name, %error, "a consumer cannot be changed and is made anew");
            self.delete_consumer(&name).await?;
            self.jetstream.create_consumer_on_stream(wanted, STREAM).await.map_err(|error| error.to_string())?;
        }
        self.lock().insert(*chain);
        Ok(())
    }

    /// As [`Inboxes::ensure`], for somebody who logs in: a stream that is gone is about to be made again, and waited for.
    pub(crate) async fn ensure_soon(&self, chain: &KeyId) -> Result<(), String> {
        let waiting_since = Instant::now();
        while let Err(why) = self.ensure(chain).await {
            if !self.is_gone().await {
                return self.ensure(chain).await;
            }
            if waiting_since.elapsed() >= PATIENCE {
                return Err(why);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Bytes of all inboxes together.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.limits.max_bytes).unwrap_or_default()
    }

    /// Bytes of the largest message.
    #[expect(clippy::unused_self, reason = "a property of the stream, as the others are")]
    pub(super) fn largest(&self) -> u64 {
        u64::from(MAX_MESSAGE_BYTES.unsigned_abs())
    }

    /// Until `enough`, the stream refuses what is sent, and what waits in the broker to be stored. What is stored stays.
    pub(super) async fn refuse_while(&self, enough: impl Future<Output = ()>) {
        let copies = self.copies().await;
        match self.jetstream.update_stream(closed_stream(&self.limits, copies)).await {
            Ok(_) => enough.await,
            Err(error) => tracing::warn!(%error, "what waits to be stored cannot be refused"),
        }
        let open = stream(&self.limits, copies);
        while let Err(error) = self.jetstream.update_stream(&open).await {
            tracing::warn!(%error, "the stream cannot be opened again yet");
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Empties the inbox and removes its consumer.
    pub(super) async fn remove(&self, chain: &KeyId) -> Result<(), String> {
        self.lock().remove(chain);
        let subjects = Subjects::of(chain);
        self.delete_consumer(subjects.consumer()).await?;
        self.purge(subjects.inbox()).await?;
        // Whoever made sure of the consumer meanwhile may have found it before it was deleted.
        self.lock().remove(chain);
        Ok(())
    }

    /// Makes the stream, or makes it right again, and looks through all consumers.
    pub(super) async fn reconcile(&self) -> Result<Found, String> {
        self.lock().clear();
        let was_there = self.right.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if was_there && self.is_gone().await {
            tokio::time::sleep(LET_GO).await;
        }
        // In a cluster the operator chose how many copies there are.
        let wanted = stream(&self.limits, self.copies().await);
        let made = self.jetstream.create_or_update_stream(wanted).await;
        let is_unfit = made.as_ref().is_err_and(|error| match error.kind() {
            CreateStreamErrorKind::JetStream(error) => error.error_code().0 == INVALID_CONFIG,
            _ => false,
        });
        if is_unfit || made.is_ok() {
            self.is_fit.send_replace(Some(!is_unfit));
        }
        // Emptying people's inboxes is for the operator to decide.
        let way_out = if is_unfit {
            "; nobody is let in until it is removed (nats stream rm), with what waits in it, and made anew"
        } else {
            ""
        };
        made.map_err(|error| format!("the stream {STREAM} cannot be made or put right: {error}{way_out}"))?;
        let right = self.stream_config().await.map_err(|trouble| trouble.to_string())?;
        *self.right.lock().unwrap_or_else(PoisonError::into_inner) = Some(right);
        let stream = self.jetstream.get_stream_no_info(STREAM).await.map_err(|error| error.to_string())?;
        let mut consumers = stream.consumers();
        let mut found = Found { all: Vec::new(), wrong: Vec::new() };
        while let Some(info) = consumers.try_next().await.map_err(|error| error.to_string())? {
            let Ok(chain) = KeyId::from_parts("ed25519", &info.name) else {
                tracing::warn!(consumer = info.name, "removing a consumer that is nobody's");
                self.delete_consumer(&info.name).await?;
                continue;
            };
            if is_right(&info.config, &consumer(&Subjects::of(&chain))) {
                self.lock().insert(chain);
            } else {
                found.wrong.push(chain);
            }
            found.all.push(chain);
        }
        Ok(found)
    }

    /// What became of the stream since it was made right.
    ///
    /// # Errors
    /// When it is gone, or JetStream does not answer.
    async fn difference(&self) -> Result<Difference, Trouble> {
        let found = self.stream_config().await?;
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(right.as_ref().map_or(Difference::Essence, |right| difference(&found, right)))
    }

    async fn is_gone(&self) -> bool {
        matches!(self.stream_config().await, Err(Trouble::Refused(refused)) if refused.err_code == STREAM_NOT_FOUND)
    }

    async fn stream_config(&self) -> Result<Value, Trouble> {
        let info: Info<Value> = ask(&self.client, &format!("STREAM.INFO.{STREAM}"), &Value::Null).await?;
        Ok(info.config)
    }

    /// Whether the identity's consumer is there and as it has to be, by the broker's word of now.
    async fn has_right_consumer(&self, chain: &KeyId) -> Result<bool, Trouble> {
        let subjects = Subjects::of(chain);
        let call = format!("CONSUMER.INFO.{STREAM}.{}", subjects.consumer());
        match ask::<Info<jetstream::consumer::Config>>(&self.client, &call, &Value::Null).await {
            Ok(info) => Ok(is_right(&info.config, &consumer(&subjects))),
            Err(Trouble::Refused(refused)) if refused.err_code == CONSUMER_NOT_FOUND => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// The identity's consumer may be gone, or changed.
    fn doubt_consumer(&self, chain: &KeyId) {
        self.lock().remove(chain);
    }

    /// How many copies the broker keeps of each message.
    pub(super) async fn copies(&self) -> usize {
        let found = self.jetstream.get_stream(STREAM).await;
        found.map_or(1, |stream| stream.cached_info().config.num_replicas.max(1))
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

    /// Throws away what waits for a recipient that is nobody.
    pub(super) async fn empty(&self, recipient: &str) -> Result<(), String> {
        match inbox_of(recipient) {
            Some(inbox) => self.purge(inbox).await,
            None => Ok(()),
        }
    }

    /// Throws away what is in nobody's inbox.
    pub(super) async fn empty_unrouted(&self) -> Result<(), String> {
        self.purge(UNROUTED.to_owned()).await
    }

    async fn purge(&self, filter: String) -> Result<(), String> {
        let stream = self.jetstream.get_stream_no_info(STREAM).await.map_err(|error| error.to_string())?;
        stream.purge().filter(filter).await.map(|_| ()).map_err(|error| error.to_string())
    }

    async fn delete_consumer(&self, name: &str) -> Result<(), String> {
        match self.jetstream.delete_consumer_from_stream(name, STREAM).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                stream::ConsumerErrorKind::JetStream(error) if error.error_code().0 == CONSUMER_NOT_FOUND => Ok(()),
                _ => Err(error.to_string()),
            },
        }
    }

    /// Whether broker and stream are as they have to be. When the server has just started, it takes a moment to tell.
    async fn is_fit(&self) -> bool {
        let mut known = self.is_fit.subscribe();
        let fit = tokio::time::timeout(PATIENCE, known.wait_for(Option::is_some)).await;
        matches!(fit, Ok(Ok(fit)) if *fit == Some(true))
    }

    /// Whether the identity's consumer was there when somebody looked last, and nothing was heard of it since.
    pub(crate) fn is_ready(&self, chain: &KeyId) -> bool {
        self.lock().contains(chain)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<KeyId>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
