//! Somebody who is logged in and uses what the login permits.

use kez_core::subject::Subjects;
use kez_core::{KeyId, SigningKey};
use serde_json::{Value, json};

use super::Nats;
use super::raw::{Raw, Sent};

pub(crate) struct Member {
    pub(crate) raw: Raw,
    pub(crate) id: KeyId,
    pub(crate) subjects: Subjects,
}

/// A message of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) subject: String,
    pub(crate) ack: String,
    pub(crate) payload: String,
}

impl Member {
    /// Logs in, and hears the replies to what it will ask. A session that is ended at once, with those before it, is begun
    /// again, as every client does.
    pub(crate) async fn login(nats: &Nats, key: &SigningKey) -> Member {
        let subjects = Subjects::of(&key.id());
        for _ in 0..20 {
            let mut raw = Raw::login(nats, key).await;
            raw.subscribe(&format!("{}.>", subjects.reply_prefix()), 1).await;
            match raw.settle().await.as_slice() {
                [] => return Member { raw, id: key.id(), subjects },
                [Sent::End] => {}
                other => panic!("{other:?}"),
            }
        }
        panic!("every session is ended at once");
    }

    /// Where a reply to this member goes.
    pub(crate) fn reply(&self) -> String {
        format!("{}.reply", self.subjects.reply_prefix())
    }

    /// Sends a message, and gives what JetStream says to it.
    pub(crate) async fn send(&mut self, to: &KeyId, headers: &[(&str, &str)], payload: &str) -> Value {
        let (subject, reply) = (self.subjects.send(to), self.reply());
        self.raw.publish_with(&subject, &reply, headers, payload).await;
        let answer = self.raw.next().await;
        let Sent::Message { payload, .. } = &answer else { panic!("no PubAck but {answer:?}") };
        serde_json::from_slice(payload).unwrap_or_else(|_| panic!("no PubAck but {answer:?}"))
    }

    /// What there is to read, up to `batch` messages; acknowledges nothing.
    pub(crate) async fn pull(&mut self, batch: u32) -> Vec<Received> {
        let body = json!({ "batch": batch, "expires": 300_000_000 }).to_string();
        self.raw.publish(&self.subjects.next(), &self.reply(), &body).await;
        let mut all = Vec::new();
        while all.len() < batch as usize {
            match self.raw.next().await {
                Sent::Message { subject, reply: Some(ack), payload, .. } => {
                    let payload = String::from_utf8_lossy(&payload).into_owned();
                    all.push(Received { subject, ack, payload });
                }
                Sent::Message { headers, .. } if headers.starts_with("NATS/1.0 40") => break,
                other => panic!("{other:?}"),
            }
        }
        all
    }
}
