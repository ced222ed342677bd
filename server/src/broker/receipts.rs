//! Whether the broker keeps acknowledgements apart. One that does not removes a message from a work queue because somebody
//! else, through a consumer of their own, acknowledged its number: nats-server 2.10 is like that.

use std::time::Duration;

use async_nats::Client;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::jetstream::{PATIENCE, Trouble, ask};

/// The stream of the probe, and its subjects: nobody's inbox is touched.
const STREAM: &str = "KEZ_PROBE";
const SUBJECT: &str = "kez.probe";
/// JetStream's code for "there is another stream of this name".
const NAME_IN_USE: u64 = 10_058;
/// How long another probe may take, before what it left is a crash's.
const OTHERS: Duration = Duration::from_secs(3);
/// The pause until it is looked at again.
const PAUSE: Duration = Duration::from_millis(100);
/// Messages that are somebody else's: two are acknowledged before they are reached, and two after.
const FOREIGN: usize = 4;

/// Shows, with two consumers of its own, whether an acknowledgement that names a message of the other one removes it.
/// `copies` is how many the inboxes' stream has of each message: with more than one, other code decides.
///
/// # Errors
/// One line, when it cannot be shown.
pub(crate) async fn are_kept_apart(store: &Client, copies: usize) -> Result<bool, String> {
    take_place(store, copies).await.map_err(|why| format!("the probe has no stream: {why}"))?;
    let shown = probe(store).await;
    let left: Result<Value, Trouble> = ask(store, &format!("STREAM.DELETE.{STREAM}"), &Value::Null).await;
    if let Err(why) = left {
        tracing::warn!(%why, "the probe's stream is left behind; the next probe removes it");
    }
    shown.map_err(|why| format!("the probe cannot be made: {why}"))
}

/// Makes the stream. Of several probes at once, each waits for the others; what a crash left is removed.
async fn take_place(store: &Client, copies: usize) -> Result<(), Trouble> {
    let config = json!({
        "name": STREAM, "description": store.new_inbox(), "subjects": [format!("{SUBJECT}.*.*")], "storage": "file",
        "retention": "workqueue", "discard": "new", "num_replicas": copies.max(1),
        "max_msgs": 16, "max_bytes": 65_536, "max_age": 60_000_000_000_u64, "max_consumers": -1
    });
    let since = Instant::now();
    loop {
        let made: Result<Value, Trouble> = ask(store, &format!("STREAM.CREATE.{STREAM}"), &config).await;
        if !matches!(&made, Err(Trouble::Refused(refused)) if refused.err_code == NAME_IN_USE) {
            return made.map(drop);
        }
        if since.elapsed() > OTHERS {
            // That it is gone already is fine.
            let _: Result<Value, Trouble> = ask(store, &format!("STREAM.DELETE.{STREAM}"), &Value::Null).await;
        }
        if since.elapsed() > 2 * OTHERS {
            return made.map(drop);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[derive(Deserialize)]
struct PubAck {
    seq: u64,
}

async fn probe(store: &Client) -> Result<bool, String> {
    for name in ["own", "other"] {
        let config = json!({
            "durable_name": name, "filter_subject": format!("{SUBJECT}.{name}.*"), "deliver_policy": "all",
            "ack_policy": "explicit"
        });
        let body = json!({ "stream_name": STREAM, "config": config });
        let made = ask::<Value>(store, &format!("CONSUMER.DURABLE.CREATE.{STREAM}.{name}"), &body).await;
        made.map_err(|why| why.to_string())?;
    }
    let mut foreign = Vec::new();
    for at in 0..FOREIGN {
        if at == FOREIGN / 2 {
            publish(store, "own").await?;
        }
        foreign.push(publish(store, "other").await?);
    }
    // The first part of this is where its message is acknowledged; the rest names the message.
    let receipt = pull(store, "own").await?;
    let own = receipt.splitn(7, '.').collect::<Vec<_>>();
    let [js, ack, stream, consumer, deliveries, _, rest] = own[..] else {
        return Err(format!("{receipt} is no place to acknowledge a message"));
    };
    for (at, seq) in foreign.into_iter().enumerate() {
        let word = if at % 2 == 0 { "+ACK" } else { "+TERM" };
        let subject = format!("{js}.{ack}.{stream}.{consumer}.{deliveries}.{seq}.{rest}");
        store.publish(subject, word.into()).await.map_err(|error| error.to_string())?;
    }
    // Acknowledged last, and confirmed: what came before it was dealt with.
    let confirmed = timeout(PATIENCE, store.request(receipt, "+ACK".into())).await;
    confirmed.map_err(|_| "an acknowledgement is not confirmed".to_owned())?.map_err(|error| error.to_string())?;
    left(store).await
}

async fn publish(store: &Client, to: &str) -> Result<u64, String> {
    let sent = timeout(PATIENCE, store.request(format!("{SUBJECT}.{to}.probe"), "probe".into())).await;
    let answer = sent.map_err(|_| "a message is not stored".to_owned())?.map_err(|error| error.to_string())?;
    let ack: PubAck = serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    Ok(ack.seq)
}

/// Where the consumer's first message is acknowledged.
async fn pull(store: &Client, consumer: &str) -> Result<String, String> {
    let inbox = store.new_inbox();
    let mut messages = store.subscribe(inbox.clone()).await.map_err(|error| error.to_string())?;
    let body = json!({ "batch": 1, "expires": 2_000_000_000 }).to_string();
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}");
    store.publish_with_reply(next, inbox, body.into()).await.map_err(|error| error.to_string())?;
    let message = timeout(PATIENCE, messages.next()).await.ok().flatten().and_then(|message| message.reply);
    message.map(|reply| reply.to_string()).ok_or_else(|| "a message is not delivered".to_owned())
}

#[derive(Deserialize)]
struct Info {
    state: State,
}

#[derive(Deserialize)]
struct State {
    messages: usize,
}

/// Whether the foreign messages are all there, once the own one is gone.
async fn left(store: &Client) -> Result<bool, String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let info: Info =
            ask(store, &format!("STREAM.INFO.{STREAM}"), &Value::Null).await.map_err(|why| why.to_string())?;
        if info.state.messages <= FOREIGN {
            return Ok(info.state.messages == FOREIGN);
        }
        if Instant::now() > until {
            return Err("an acknowledged message stays".to_owned());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
