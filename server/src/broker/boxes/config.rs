//! How the stream and its consumers have to be.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, SubjectTransform};
use kez_core::KeyId;
use serde_json::Value;

use super::{Kind, Limits};

/// Largest message of an inbox, in bytes, headers included: a contact request has 8,192 at most.
const MAX_REQUEST_BYTES: i32 = 12_288;
/// Largest message of a mailbox, in bytes, headers included. A frame has 65,000 at most, and its `Nats-Msg-Id` takes 59
/// with what is around it; the rest is for a client that names the stream it expects. An account's `max_payload` of 65,536
/// is a little more, so that this is refused with a word, and not by closing the connection.
const MAX_MAIL_BYTES: i32 = 65_000 + 256;
/// How long the broker knows a message by its id. It keeps all ids of that time in memory, whatever their length; later
/// repetitions are told apart by whoever receives them.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);
/// Messages that the stream takes while it refuses what is in its queue. It has more already, or takes one.
const REFUSING: i64 = 1;
/// Where a consumer says since when its key is not active any more: with what it reads, and known to every server.
const RETIRED: &str = "kez-retired-at";
/// What operators choose, and servers of one broker may disagree on for a while.
const CHOSEN: [&str; 3] = ["max_age", "max_bytes", "max_msgs_per_subject"];

/// Bytes of the largest message, headers included.
pub(super) const fn largest(kind: Kind) -> i32 {
    match kind {
        Kind::Inbox => MAX_REQUEST_BYTES,
        Kind::Mail => MAX_MAIL_BYTES,
    }
}

/// The stream. Everything that is not named here is off, above all what lets a sender's headers do something: rollups,
/// message times to live, counters, schedules, batches and direct reads.
pub(super) fn stream(kind: Kind, limits: &Limits, copies: usize) -> Config {
    let description = match kind {
        Kind::Inbox => "kez-chat: everybody's inbox",
        Kind::Mail => "kez-chat: every device's mailbox",
    };
    Config {
        name: kind.stream().to_owned(),
        description: Some(description.to_owned()),
        subjects: vec![kind.subject().to_owned()],
        subject_transform: Some(SubjectTransform {
            source: kind.subject().to_owned(),
            destination: kind.transform().to_owned(),
        }),
        // What was acknowledged goes, and makes room for its sender again.
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        num_replicas: copies,
        max_age: limits.max_age,
        max_bytes: limits.max_bytes,
        max_messages: -1,
        max_consumers: -1,
        max_message_size: largest(kind),
        // A sender who has filled its place at a recipient is refused: it pushes nothing out, not even its own.
        max_messages_per_subject: limits.per_sender,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

/// The stream while it refuses everything.
pub(super) fn closed_stream(kind: Kind, limits: &Limits, copies: usize) -> Config {
    Config { max_messages: REFUSING, ..stream(kind, limits, copies) }
}

/// How a stream differs from what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all.
    None,
    /// It refuses everything, as it does while a queue is emptied.
    Closed,
    /// In what operators choose.
    Limits,
    /// In what messages and their senders rely on.
    Essence,
}

/// Compares a stream's settings with those that it had when it was right, both as the broker writes them.
pub(super) fn difference(found: &Value, right: &Value) -> Difference {
    if found == right {
        return Difference::None;
    }
    let without = |config: &Value, names: &[&str]| {
        let mut config = config.clone();
        if let Some(members) = config.as_object_mut() {
            names.iter().for_each(|name| drop(members.remove(*name)));
        }
        config
    };
    let is_closed = found.get("max_msgs").and_then(Value::as_i64) == Some(REFUSING);
    if is_closed && without(found, &["max_msgs"]) == without(right, &["max_msgs"]) {
        Difference::Closed
    } else if without(found, &CHOSEN) == without(right, &CHOSEN) {
        Difference::Limits
    } else {
        Difference::Essence
    }
}

/// A box's consumer.
pub(super) fn consumer(kind: Kind, of: &KeyId) -> pull::Config {
    // Messages on their way to one reader.
    let at_once = match kind {
        Kind::Inbox => 64,
        Kind::Mail => 256,
    };
    pull::Config {
        durable_name: Some(of.hex()),
        filter_subject: kind.filter(of),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(30),
        max_ack_pending: at_once,
        max_waiting: 16,
        max_batch: at_once,
        ..pull::Config::default()
    }
}

/// Since when a consumer's key is not active any more, in seconds since 1970, if the consumer says so.
pub(super) fn retired(found: &consumer::Config) -> Option<i64> {
    // What cannot be read was long ago.
    found.metadata.get(RETIRED).map(|at| at.parse().unwrap_or_default())
}

/// The consumer of a key that is not active any more since then.
pub(super) fn retired_consumer(kind: Kind, of: &KeyId, since: i64) -> pull::Config {
    pull::Config { metadata: [(RETIRED.to_owned(), since.to_string())].into(), ..consumer(kind, of) }
}

/// Whether a consumer is as it has to be, and delivers.
pub(super) fn is_right(found: &consumer::Config, wanted: &pull::Config) -> bool {
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
        && found.pause_until.is_none()
        && found.metadata.get(RETIRED) == wanted.metadata.get(RETIRED)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stream_may_refuse_everything_for_a_while_and_servers_may_choose_limits() {
        let right = json!({ "subjects": ["kez.send.*.*"], "max_msgs": -1, "max_age": 5, "max_bytes": 7 });
        let with = |name: &str, value: Value| {
            let mut config = right.clone();
            config[name] = value;
            config
        };
        assert_eq!(difference(&right, &right), Difference::None);
        assert_eq!(difference(&with("max_msgs", json!(1)), &right), Difference::Closed);
        assert_eq!(difference(&with("max_msgs", json!(2)), &right), Difference::Essence);
        assert_eq!(difference(&with("max_age", json!(6)), &right), Difference::Limits);
        assert_eq!(difference(&with("subjects", json!([])), &right), Difference::Essence);
        assert_eq!(difference(&with("allow_rollup_hdrs", json!(true)), &right), Difference::Essence);
    }
}
