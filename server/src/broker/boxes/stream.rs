//! The stream: made, compared, and closed for a while.

use std::sync::PoisonError;
use std::time::Duration;

use async_nats::jetstream::context::CreateStreamErrorKind;
use futures_util::TryStreamExt as _;
use kez_core::KeyId;
use serde_json::Value;

use super::config::{Difference, closed_stream, consumer, difference, is_right, largest, retired, stream};
use super::{Boxes, Info, STREAM_NOT_FOUND};
use crate::broker::jetstream::{Trouble, ask};

/// The pause after something failed.
const RETRY: Duration = Duration::from_millis(500);
/// How long the name of a deleted stream is left alone. The broker removes the deleted stream's files a few milliseconds
/// after its name is free, and one that was made in between loses its own: it is there, and stores nothing ever after.
const LET_GO: Duration = Duration::from_secs(1);
/// JetStream's code for a change of a stream that is not possible: some settings, once on, cannot be turned off.
const INVALID_CONFIG: u64 = 10_052;

/// The consumers that there are.
pub(in crate::broker) struct Found {
    /// The keys that have one.
    pub(super) all: Vec<KeyId>,
    /// Those whose consumer is not as it has to be.
    pub(super) wrong: Vec<KeyId>,
}

impl Boxes {
    /// Bytes of all boxes together.
    pub(in crate::broker) fn bytes(&self) -> u64 {
        u64::try_from(self.limits.max_bytes).unwrap_or_default()
    }

    /// Bytes of the largest message.
    pub(in crate::broker) fn largest(&self) -> u64 {
        u64::from(largest(self.kind).unsigned_abs())
    }

    /// Until `enough`, the stream refuses what is sent, and what waits in the broker to be stored. What is stored stays.
    pub(in crate::broker) async fn refuse_while(&self, enough: impl Future<Output = ()>) {
        let copies = self.copies().await;
        match self.jetstream.update_stream(closed_stream(self.kind, &self.limits, copies)).await {
            Ok(_) => enough.await,
            Err(error) => tracing::warn!(%error, "what waits to be stored cannot be refused"),
        }
        let open = stream(self.kind, &self.limits, copies);
        while let Err(error) = self.jetstream.update_stream(&open).await {
            tracing::warn!(%error, "the stream cannot be opened again yet");
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Makes the stream, or makes it right again, and looks through all consumers.
    pub(super) async fn reconcile(&self) -> Result<Found, String> {
        self.lock().clear();
        let name = self.kind.stream();
        let was_there = self.right.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if was_there && self.is_gone().await {
            tokio::time::sleep(LET_GO).await;
        }
        // In a cluster the operator chose how many copies there are.
        let wanted = stream(self.kind, &self.limits, self.copies().await);
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
        made.map_err(|error| format!("the stream {name} cannot be made or put right: {error}{way_out}"))?;
        let right = self.stream_config().await.map_err(|trouble| trouble.to_string())?;
        *self.right.lock().unwrap_or_else(PoisonError::into_inner) = Some(right);
        self.look_through().await
    }

    async fn look_through(&self) -> Result<Found, String> {
        let stream = self.jetstream.get_stream_no_info(self.kind.stream()).await.map_err(|error| error.to_string())?;
        let mut consumers = stream.consumers();
        let mut found = Found { all: Vec::new(), wrong: Vec::new() };
        while let Some(info) = consumers.try_next().await.map_err(|error| error.to_string())? {
            let Ok(key) = KeyId::from_parts("ed25519", &info.name) else {
                tracing::warn!(consumer = info.name, "removing a consumer that is nobody's");
                self.delete_consumer(&info.name).await?;
                continue;
            };
            found.all.push(key);
            match retired(&info.config) {
                None => drop(self.retired().remove(&key)),
                Some(since) => drop(self.retired().insert(key, since)),
            }
            if is_right(&info.config, &consumer(self.kind, &key)) {
                self.lock().insert(key);
            } else {
                found.wrong.push(key);
            }
        }
        Ok(found)
    }

    /// What became of the stream since it was made right.
    ///
    /// # Errors
    /// When it is gone, or JetStream does not answer.
    pub(super) async fn difference(&self) -> Result<Difference, Trouble> {
        let found = self.stream_config().await?;
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(right.as_ref().map_or(Difference::Essence, |right| difference(&found, right)))
    }

    pub(super) async fn is_gone(&self) -> bool {
        matches!(self.stream_config().await, Err(Trouble::Refused(refused)) if refused.err_code == STREAM_NOT_FOUND)
    }

    async fn stream_config(&self) -> Result<Value, Trouble> {
        let call = format!("STREAM.INFO.{}", self.kind.stream());
        let info: Info<Value> = ask(&self.client, &call, &Value::Null).await?;
        Ok(info.config)
    }

    /// How many copies the broker keeps of each message.
    pub(in crate::broker) async fn copies(&self) -> usize {
        let found = self.jetstream.get_stream(self.kind.stream()).await;
        found.map_or(1, |stream| stream.cached_info().config.num_replicas.max(1))
    }
}
