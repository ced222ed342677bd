//! Sending: a message is published, and the broker says that it is stored.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode, header};
use kez_core::KeyId;
use kez_core::contact_request::MessageId;
use kez_core::subject::STREAM;
use serde::Deserialize;
use tokio::time::timeout;

use super::Session;
use crate::failure::{Failure, Local};

/// How long the broker may take to store a message.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// JetStream's code for a limit of the stream that would be exceeded; the words say which one.
const STORE_FAILED: u64 = 10077;
/// JetStream's code for more than it can store.
const TOO_MUCH: u64 = 10167;

/// The broker's word that a message is on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// It was there already: an earlier attempt had arrived.
    pub(crate) duplicate: bool,
}

/// Why a message should be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No answer came. It may be stored.
    Unanswered,
    /// It was not taken, because too much is sent at the moment.
    Busy,
    /// It was not taken, because there are no inboxes at the moment.
    NoInboxes,
}

/// JetStream's acknowledgement of what was published.
#[derive(Deserialize)]
struct PubAck {
    stream: Option<String>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Session {
    /// Sends `message` to the inbox of `to`. Sending the same message with the same id again is safe.
    pub(crate) async fn deliver(
        &self,
        to: &KeyId,
        id: &MessageId,
        message: Vec<u8>,
    ) -> Result<Result<Stored, Failure>, Again> {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, id.to_string());
        let subject = self.member.subjects().send(to);
        let answer = self.client.request_with_headers(subject, headers, message.into());
        let mut is_forbidden = self.is_forbidden.clone();
        let answer = tokio::select! {
            answer = timeout(STORE_TIMEOUT, answer) => answer,
            // The session ends before the one who could say so does.
            Ok(_) = is_forbidden.wait_for(|is_forbidden| *is_forbidden) => return Ok(Err(may_not_send())),
        };
        let answer = match answer {
            Ok(Ok(answer)) if answer.status != Some(StatusCode::NO_RESPONDERS) => answer,
            Ok(Err(error)) if error.kind() == async_nats::RequestErrorKind::NoResponders => {
                return Err(Again::NoInboxes);
            }
            Ok(Ok(_)) => return Err(Again::NoInboxes),
            _ => return Err(Again::Unanswered),
        };
        read(&answer.payload)
    }
}

fn read(answer: &[u8]) -> Result<Result<Stored, Failure>, Again> {
    let unreadable =
        || not_delivered("The broker's answer is no acknowledgement; whether it stored the message is not known.");
    let Ok(ack) = serde_json::from_slice::<PubAck>(answer) else { return Ok(Err(unreadable())) };
    Ok(match ack.error {
        Some(error) if error.err_code == TOO_MUCH => return Err(Again::Busy),
        Some(error) if error.err_code == STORE_FAILED && error.description == "maximum messages exceeded" => {
            return Err(Again::Busy);
        }
        Some(error) if error.err_code == STORE_FAILED && error.description.contains("per subject") => {
            Err(Failure::new(
                Local::InboxFull,
                "As many messages of yours as one sender may leave wait there unread; try again when they were read.",
            ))
        }
        Some(error) => Err(not_delivered(format!(
            "The broker cannot store the message ({:.200}); try again later.",
            error.description
        ))),
        None if ack.stream.as_deref() == Some(STREAM) && ack.seq > 0 => Ok(Stored { duplicate: ack.duplicate }),
        None => Err(unreadable()),
    })
}

fn may_not_send() -> Failure {
    Failure::new(
        Local::MayNotSend,
        "Too much of what this identity sent is waiting unread, or it wrote to people who do not exist. The server lets it \
         read, and send again when less is waiting, or after an hour.",
    )
}

fn not_delivered(detail: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::new(Local::NotDelivered, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(answer: &str) -> Result<Stored, &'static str> {
        match read(answer.as_bytes()) {
            Ok(outcome) => outcome.map_err(|failure| failure.code),
            Err(again) => Err(if again == Again::Busy { "busy" } else { "another" }),
        }
    }

    #[test]
    fn acknowledgements() {
        assert_eq!(code(r#"{"stream":"KEZ_INBOX","seq":1}"#), Ok(Stored { duplicate: false }));
        assert_eq!(code(r#"{"stream":"KEZ_INBOX", "seq":9,"duplicate":true}"#), Ok(Stored { duplicate: true }));
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"},"stream":"KEZ_INBOX","seq":0}"#;
        assert_eq!(code(full), Err("inbox_full"));
        for busy in [
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"KEZ_INBOX","seq":0}"#,
            r#"{"error":{"code":429,"err_code":10167,"description":"too many requests"},"stream":"KEZ_INBOX","seq":0}"#,
        ] {
            assert_eq!(code(busy), Err("busy"));
        }
        for other in [
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"KEZ_INBOX","seq":0}"#,
            r#"{"error":{}}"#,
            r#"{"stream":"OTHER","seq":1}"#,
            r#"{"stream":"KEZ_INBOX","seq":0}"#,
            r#"{"stream":"KEZ_INBOX"}"#,
            r#"{"stream":"KEZ_INBOX","seq":-1}"#,
            "{}",
            "[]",
            "+OK",
            "",
        ] {
            assert_eq!(code(other), Err("not_delivered"), "{other}");
        }
    }
}
