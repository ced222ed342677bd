//! What JetStream holds, as the one sees it who may see everything.

use std::time::Duration;

use data_encoding::BASE64;
use kez_core::KeyId;
use kez_core::subject::Subjects;
use serde_json::{Value, json};

use super::Nats;

pub(crate) struct Store {
    pub(crate) client: async_nats::Client,
    stream: &'static str,
}

/// A stored message: its number, its subject and its text.
pub(crate) type Stored = (u64, String, String);

impl Store {
    /// The inboxes.
    pub(crate) async fn open(nats: &Nats) -> Store {
        Store { client: nats.as_user("store").await, stream: "KEZ_INBOX" }
    }

    /// The devices' mailboxes.
    pub(crate) async fn mail(nats: &Nats) -> Store {
        Store { client: nats.as_user("store").await, stream: "KEZ_CHAT" }
    }

    /// Asks JetStream: `call` is what comes after `$JS.API.`.
    pub(crate) async fn api(&self, call: &str, body: Value) -> Value {
        let answer = self.client.request(format!("$JS.API.{call}"), body.to_string().into()).await;
        serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
    }

    /// The same, where it has to work.
    pub(crate) async fn change(&self, call: &str, body: Value) -> Value {
        let answer = self.api(call, body).await;
        assert_eq!(answer["error"], Value::Null, "{call}");
        answer
    }

    /// Sends as anybody: here nobody's rights count. Gives what JetStream says to it.
    pub(crate) async fn send(&self, from: &KeyId, to: &KeyId, payload: &str) -> Value {
        let sent = self.client.request(Subjects::of(from).send(to), payload.to_owned().into()).await;
        serde_json::from_slice(&sent.expect("an answer").payload).expect("JSON")
    }

    /// Everything that is stored, at a moment when nothing comes or goes.
    pub(crate) async fn messages(&self) -> Vec<Stored> {
        let quiet = async {
            loop {
                let all = self.listed().await;
                let info = self.info().await;
                // An acknowledged message goes a moment later: between the two questions, perhaps.
                if info["state"]["messages"] == all.len() {
                    return all;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), quiet).await.expect("the stream comes to rest")
    }

    async fn listed(&self) -> Vec<Stored> {
        let info = self.info().await;
        let number = |name: &str| info["state"][name].as_u64().expect("a number");
        let mut all = Vec::new();
        for seq in number("first_seq")..=number("last_seq") {
            let answer = self.api(&format!("STREAM.MSG.GET.{}", self.stream), json!({ "seq": seq })).await;
            let Some(subject) = answer["message"]["subject"].as_str() else { continue };
            let data = answer["message"]["data"].as_str().unwrap_or_default();
            let text = String::from_utf8(BASE64.decode(data.as_bytes()).expect("base64")).expect("UTF-8");
            all.push((seq, subject.to_owned(), text));
        }
        all
    }

    /// What the broker says of the stream.
    pub(crate) async fn info(&self) -> Value {
        self.change(&format!("STREAM.INFO.{}", self.stream), json!({})).await
    }

    /// Streams, this one first, and its consumers, as they are set up.
    pub(crate) async fn setup(&self) -> Value {
        let streams = self.change("STREAM.LIST", json!({})).await;
        let streams = streams["streams"].as_array().expect("a list").iter().map(|stream| stream["config"].clone());
        let mut streams: Vec<Value> = streams.collect();
        streams.sort_by_key(|config| (config["name"] != self.stream, config["name"].to_string()));
        let consumers = self.change(&format!("CONSUMER.LIST.{}", self.stream), json!({})).await;
        let consumers = consumers["consumers"].as_array().expect("a list").iter();
        let mut consumers: Vec<Value> = consumers.map(|consumer| consumer["config"].clone()).collect();
        consumers.sort_by_key(|config| config["durable_name"].to_string());
        json!({ "streams": streams, "consumers": consumers })
    }

    /// How far each consumer has come.
    pub(crate) async fn progress(&self) -> Value {
        let list = self.change(&format!("CONSUMER.LIST.{}", self.stream), json!({})).await;
        let consumers = list["consumers"].as_array().expect("a list").iter().map(|consumer| {
            let counts = ["num_ack_pending", "num_pending", "num_redelivered"].map(|name| consumer[name].clone());
            let sequences = ["delivered", "ack_floor"].map(|name| consumer[name]["stream_seq"].clone());
            (consumer["name"].as_str().expect("a name").to_owned(), json!([counts, sequences]))
        });
        Value::Object(consumers.collect())
    }
}
