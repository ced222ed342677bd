//! A device that is logged in and uses what the login permits of mailboxes.

use kez_core::subject::MailSubjects;
use kez_core::{KeyId, SigningKey};
use serde_json::{Value, json};

use crate::nats::Nats;
use crate::nats::member::Received;
use crate::nats::raw::{Raw, Sent};

pub(crate) struct Device {
    pub(crate) raw: Raw,
    pub(crate) id: KeyId,
    pub(crate) chain: KeyId,
    pub(crate) subjects: MailSubjects,
    asked: u32,
}

impl Device {
    /// Logs in with a key of the identity that this chain is of, and hears the replies to its pulls. A session that is ended
    /// at once, with those before it, is begun again, as every client does.
    pub(crate) async fn login(nats: &Nats, key: &SigningKey, chain: &KeyId) -> Device {
        let (id, chain) = (key.id(), *chain);
        let subjects = MailSubjects::of(&chain, &id);
        for _ in 0..20 {
            let mut raw = Raw::login(nats, key).await;
            raw.subscribe(&format!("{}.>", subjects.reply_prefix()), 1).await;
            match raw.settle().await.as_slice() {
                [] => return Device { raw, id, chain, subjects, asked: 0 },
                [Sent::End] => {}
                other => panic!("{other:?}"),
            }
        }
        panic!("every session is ended at once");
    }

    /// Where the next reply to this device goes.
    pub(crate) fn reply(&mut self) -> String {
        self.asked += 1;
        format!("{}.r{}", self.subjects.reply_prefix(), self.asked)
    }

    /// Sends a frame, and gives what JetStream says to it.
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
        let reply = self.reply();
        self.raw.publish(&self.subjects.next(), &reply, &body).await;
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

    /// Reads up to so many messages and acknowledges them; gives their texts.
    pub(crate) async fn take(&mut self, batch: u32) -> Vec<String> {
        let mut texts = Vec::new();
        for message in self.pull(batch).await {
            let reply = self.reply();
            self.raw.publish(&message.ack, &reply, "+ACK").await;
            let confirmed = self.raw.next().await;
            assert!(matches!(confirmed, Sent::Message { .. }), "{confirmed:?}");
            texts.push(message.payload);
        }
        texts
    }
}
