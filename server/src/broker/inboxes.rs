//! The stream that holds everybody's inbox, and each identity's consumer of it: made and kept right by the server,
//! because a user who may make a consumer chooses where its messages go.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType, SubjectTransform};
use async_nats::jetstream::{self, Context};
use futures_util::TryStreamExt as _;
use kez_core::KeyId;
use kez_core::subject::{STREAM, STREAM_SUBJECT, STREAM_TRANSFORM, Subjects, UNROUTED, inbox_of};
use tokio::sync::watch;

use super::jetstream::PATIENCE;

/// Largest message, in bytes, headers included: a contact request has 8,192 at most.
const MAX_MESSAGE_BYTES: i32 = 12_288;
/// How long the broker knows a message by its id. It keeps all ids of that time in memory, whatever their length; later
/// repetitions are told apart by whoever receives them.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);
/// Messages that the stream takes while it refuses what is in its queue. It has more already, or takes one.
const REFUSING: i64 = 1;
/// The pause after something failed.
const RETRY: Duration = Duration::from_millis(500);
/// JetStream's code for "no such consumer".
const CONSUMER_NOT_FOUND: u64 = 10_014;
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
    jetstream: Context,
    limits: Limits,
    /// Chain keys whose consumer is there and right.
    ready: Mutex<HashSet<KeyId>>,
    /// Whether the broker and the stream are as they have to be, once that is known. Otherwise nobody is let in.
    is_fit: watch::Sender<Option<bool>>,
}

impl Inboxes {
    pub(super) fn new(client: async_nats::Client, limits: Limits) -> Self {
        let mut jetstream = jetstream::new(client);
        jetstream.set_timeout(PATIENCE);
        Inboxes { jetstream, limits, ready: Mutex::default(), is_fit: watch::Sender::new(None) }
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
        if let Err(error) = self.jetstream.create_consumer_on_stream(wanted.clone(), STREAM).await {
            // Made by somebody else, in a way that cannot be changed in place. What was delivered and not acknowledged is
            // delivered again.
            tracing::warn!(consumer = name, %error, "a consumer cannot be changed and is made anew");
            self.delete_consumer(&name).await?;
            self.jetstream.create_consumer_on_stream(wanted, STREAM).await.map_err(|error| error.to_string())?;
        }
        self.lock().insert(*chain);
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
        let closed = stream::Config { max_messages: REFUSING, num_replicas: copies, ..self.stream() };
        match self.jetstream.update_stream(closed).await {
            Ok(_) => enough.await,
            Err(error) => tracing::warn!(%error, "what waits to be stored cannot be refused"),
        }
        let open = stream::Config { num_replicas: copies, ..self.stream() };
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

    /// Makes the stream, or makes it right again, and looks through all consumers. Gives the chain keys that have one.
    pub(super) async fn reconcile(&self) -> Result<Vec<KeyId>, String> {
        self.lock().clear();
        // In a cluster the operator chose how many copies there are.
        let wanted = stream::Config { num_replicas: self.copies().await, ..self.stream() };
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
        let stream = self.jetstream.get_stream_no_info(STREAM).await.map_err(|error| error.to_string())?;
        let mut consumers = stream.consumers();
        let mut chains = Vec::new();
        while let Some(info) = consumers.try_next().await.map_err(|error| error.to_string())? {
            let Ok(chain) = KeyId::from_parts("ed25519", &info.name) else {
                tracing::warn!(consumer = info.name, "removing a consumer that is nobody's");
                self.delete_consumer(&info.name).await?;
                continue;
            };
            if is_right(&info.config, &consumer(&Subjects::of(&chain))) {
                self.lock().insert(chain);
            }
            chains.push(chain);
        }
        Ok(chains)
    }

    /// How many copies the broker keeps of each message.
    pub(super) async fn copies(&self) -> usize {
        let found = self.jetstream.get_stream(STREAM).await;
        found.map_or(1, |stream| stream.cached_info().config.num_replicas.max(1))
    }

    /// Another broker may be there than before: nobody is let in until it is known to be fit.
    pub(super) fn doubt(&self) {
        self.is_fit.send_replace(None);
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

    fn is_ready(&self, chain: &KeyId) -> bool {
        self.lock().contains(chain)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<KeyId>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is not named here is off, above all what lets a sender's headers do something: rollups, message
    /// times to live, counters, schedules, batches and direct reads.
    fn stream(&self) -> stream::Config {
        stream::Config {
            name: STREAM.to_owned(),
            description: Some("kez-chat: everybody's inbox".to_owned()),
            subjects: vec![STREAM_SUBJECT.to_owned()],
            subject_transform: Some(SubjectTransform {
                source: STREAM_SUBJECT.to_owned(),
                destination: STREAM_TRANSFORM.to_owned(),
            }),
            // What was acknowledged goes, and makes room for its sender again.
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            num_replicas: 1,
            max_age: self.limits.max_age,
            max_bytes: self.limits.max_bytes,
            max_messages: -1,
            max_consumers: -1,
            max_message_size: MAX_MESSAGE_BYTES,
            // A sender who has filled its place at a recipient is refused: it pushes nothing out, not even its own.
            max_messages_per_subject: self.limits.per_sender,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            duplicate_window: DUPLICATE_WINDOW,
            ..stream::Config::default()
        }
    }
}

fn consumer(subjects: &Subjects) -> pull::Config {
    pull::Config {
        durable_name: Some(subjects.consumer().to_owned()),
        filter_subject: subjects.inbox(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 64,
        max_waiting: 16,
        max_batch: 64,
        ..pull::Config::default()
    }
}

fn is_right(found: &jetstream::consumer::Config, wanted: &pull::Config) -> bool {
    found.durable_name == wanted.durable_name
        && found.filter_subject == wanted.filter_subject
        && found.filter_subjects.is_empty()
        && found.deliver_subject.is_none()
        && found.deliver_policy == wanted.deliver_policy
        && found.ack_policy == wanted.ack_policy
        && found.ack_wait == wanted.ack_wait
        && found.max_ack_pending == wanted.max_ack_pending
        && found.max_waiting == wanted.max_waiting
        && found.max_batch == wanted.max_batch
        && found.max_deliver <= 0
        && !found.headers_only
}
