//! What goes: whole boxes, and what is in them.

use async_nats::jetstream::stream;
use kez_core::KeyId;
use serde_json::{Value, json};

use super::config::{is_right, retired, retired_consumer};
use super::{Boxes, CONSUMER_NOT_FOUND};
use crate::broker::jetstream::{Trouble, ask};

/// JetStream's code for "no such message".
const NO_MESSAGE: u64 = 10_037;
/// Most boxes that are remembered although nothing is in them, at about 60 bytes each.
const MOST_RETIRED: usize = 100_000;

impl Boxes {
    /// Empties the box and removes its consumer.
    pub(in crate::broker) async fn remove(&self, of: &KeyId) -> Result<(), String> {
        self.lock().remove(of);
        // First, so that whoever hears that the consumer is deleted knows that nothing is kept there.
        let since = self.retired().remove(of);
        let removed = async {
            self.delete_consumer(&of.hex()).await?;
            self.purge(self.kind.filter(of)).await
        };
        let removed = removed.await;
        // Whoever made sure of the consumer meanwhile may have found it before it was deleted.
        self.lock().remove(of);
        if let (Err(_), Some(since)) = (&removed, since) {
            self.retired().insert(*of, since);
        }
        removed
    }

    /// Whether this server knows that the box is kept although its key is not active any more.
    pub(super) fn is_retired(&self, of: &KeyId) -> bool {
        self.retired().contains_key(of)
    }

    /// The box's key is not active any more: what waits in it stays for a time. Its consumer says since when, for as long as
    /// it is there. One that was never read and has nothing in it has no consumer: only this server knows of it, until
    /// something comes.
    ///
    /// `now` is in seconds since 1970.
    pub(in crate::broker) async fn retire(&self, of: &KeyId, now: i64) -> Result<(), String> {
        self.lock().remove(of);
        let found = self.consumer_config(of).await.map_err(|trouble| trouble.to_string())?;
        // A time that is still to come would keep it for ever.
        let known = self.retired().get(of).copied();
        let since = found.as_ref().and_then(retired).or(known).unwrap_or(now).min(now);
        if found.is_none() && !self.has_any(of).await? {
            let mut all = self.retired();
            if all.len() < MOST_RETIRED {
                all.insert(*of, since);
            }
            return Ok(());
        }
        let wanted = retired_consumer(self.kind, of, since);
        if !found.is_some_and(|found| is_right(&found, &wanted)) {
            self.make(wanted).await?;
        }
        self.retired().insert(*of, since);
        // Whoever logged in meanwhile may have found it as it was.
        self.lock().remove(of);
        Ok(())
    }

    /// Those whose key is not active any more since `before` or longer, in seconds since 1970.
    pub(in crate::broker) fn retired_until(&self, before: i64) -> Vec<KeyId> {
        self.retired().iter().filter(|(_, since)| **since <= before).map(|(key, _)| *key).collect()
    }

    /// Since when the key of a box that is kept is not active any more, in seconds since 1970. None for one that is not kept.
    pub(in crate::broker) async fn retired_since(&self, of: &KeyId) -> Result<Option<i64>, Trouble> {
        let known = self.retired().get(of).copied();
        if known.is_some() {
            return Ok(known);
        }
        // Another server may have seen its end.
        let found = self.consumer_config(of).await?;
        Ok(found.as_ref().and_then(retired))
    }

    /// Throws away what waits for a recipient that is nobody.
    pub(in crate::broker) async fn empty(&self, recipient: &str) -> Result<(), String> {
        match self.kind.route().of(recipient) {
            Some(filter) => self.purge(filter).await,
            None => Ok(()),
        }
    }

    /// Throws away what is in nobody's box.
    pub(in crate::broker) async fn empty_unrouted(&self) -> Result<(), String> {
        self.purge(self.kind.route().unrouted()).await
    }

    async fn has_any(&self, of: &KeyId) -> Result<bool, String> {
        let call = format!("STREAM.MSG.GET.{}", self.kind.stream());
        let first = json!({ "seq": 1, "next_by_subj": self.kind.filter(of) });
        match ask::<Value>(&self.client, &call, &first).await {
            Ok(_) => Ok(true),
            Err(Trouble::Refused(refused)) if refused.err_code == NO_MESSAGE => Ok(false),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    async fn purge(&self, filter: String) -> Result<(), String> {
        let stream = self.jetstream.get_stream_no_info(self.kind.stream()).await.map_err(|error| error.to_string())?;
        stream.purge().filter(filter).await.map(|_| ()).map_err(|error| error.to_string())
    }

    pub(super) async fn delete_consumer(&self, name: &str) -> Result<(), String> {
        match self.jetstream.delete_consumer_from_stream(name, self.kind.stream()).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                stream::ConsumerErrorKind::JetStream(error) if error.error_code().0 == CONSUMER_NOT_FOUND => Ok(()),
                _ => Err(error.to_string()),
            },
        }
    }
}
