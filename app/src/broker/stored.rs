//! What a stream answers when it was sent a message (JetStream's `PubAck`).

use kez_core::canonical::{self, Json, Object};
use kez_core::subject::STREAM;

/// JetStream's error code for a message that its store did not take.
const STORE_FAILED: i64 = 10_077;
/// JetStream's error code for more messages than it can store.
const TOO_MUCH: i64 = 10_167;
/// How it says that it refuses everything for a moment.
const IS_BUSY: &str = "maximum messages exceeded";
/// How it says that there are as many messages of this sender for this recipient as it keeps.
const SUBJECT_IS_FULL: &str = "maximum messages per subject exceeded";

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is on the broker's disk, now or since an earlier try.
    Yes,
    /// The recipient's inbox is full of this sender's messages.
    InboxIsFull,
    /// It was not taken because too much is sent at the moment.
    Busy,
    /// The stream did not take it, for a reason of its own.
    No,
    /// This is no answer of the stream.
    Odd,
}

/// Reads a stream's answer.
pub(super) fn read(answer: &[u8]) -> Stored {
    let Ok(Json::Object(members)) = canonical::parse(answer) else { return Stored::Odd };
    match members.get("error") {
        Some(Json::Object(error)) if is(error, STORE_FAILED, SUBJECT_IS_FULL) => Stored::InboxIsFull,
        Some(Json::Object(error)) if is(error, STORE_FAILED, IS_BUSY) => Stored::Busy,
        Some(Json::Object(error)) if error.get("err_code") == Some(&Json::Integer(TOO_MUCH)) => Stored::Busy,
        Some(_) => Stored::No,
        None if members.get("stream") == Some(&Json::String(STREAM.to_owned()))
            && matches!(members.get("seq"), Some(Json::Integer(1..))) =>
        {
            Stored::Yes
        }
        None => Stored::Odd,
    }
}

fn is(error: &Object, code: i64, description: &str) -> bool {
    error.get("err_code") == Some(&Json::Integer(code))
        && matches!(error.get("description"), Some(Json::String(text)) if text == description)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nats-server says it.
    #[test]
    fn the_streams_answers() {
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"},"stream":"KEZ_INBOX","seq":0}"#;
        let bytes = r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"KEZ_INBOX","seq":0}"#;
        let busy = r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"KEZ_INBOX","seq":0}"#;
        let queue =
            r#"{"error":{"code":429,"err_code":10167,"description":"too many requests"},"stream":"KEZ_INBOX","seq":0}"#;
        for (answer, stored) in [
            (r#"{"stream":"KEZ_INBOX","seq":1}"#, Stored::Yes),
            (r#"{"stream":"KEZ_INBOX","seq":1,"duplicate": true}"#, Stored::Yes),
            (r#"{"stream":"KEZ_INBOX","domain":"hub","seq":7}"#, Stored::Yes),
            (full, Stored::InboxIsFull),
            (busy, Stored::Busy),
            (queue, Stored::Busy),
            (bytes, Stored::No),
            (r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"}}"#, Stored::No),
            (r#"{"stream":"ANOTHER","seq":1}"#, Stored::Odd),
            (r#"{"stream":"KEZ_INBOX"}"#, Stored::Odd),
            (r#"{"stream":"KEZ_INBOX","seq":0}"#, Stored::Odd),
            (r#"{"stream":"KEZ_INBOX","seq":"1"}"#, Stored::Odd),
            ("{}", Stored::Odd),
            ("", Stored::Odd),
            ("+OK", Stored::Odd),
        ] {
            assert_eq!(read(answer.as_bytes()), stored, "{answer}");
        }
    }
}
