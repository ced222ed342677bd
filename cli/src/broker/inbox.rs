//! Reading the inbox: the pull protocol of JetStream, spoken by hand. Users may not ask JetStream about streams and
//! consumers, which is the first thing that libraries do, and need not: the consumer is there, and has the key's name.

use std::fmt;
use std::time::Duration;

use async_nats::{StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kez_core::KeyId;
use kez_core::subject::parse_inbox;
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Lost, Session};

/// How much later than asked for a broker may say that there is nothing.
const GRACE: Duration = Duration::from_secs(5);
/// How often a consumer says that it is there while it has nothing to deliver. A broker refuses more than half of the wait.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a consumer is believed to be there that says nothing.
const SILENCE: Duration = Duration::from_secs(12);
/// How long the broker may take to confirm that a message is done with.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// The inbox of a session's identity. One message at a time is taken out of it, so that one that is not read in the
/// end waits for nobody's time-out.
pub(crate) struct Inbox<'a> {
    session: &'a Session,
    replies: Subscriber,
    /// The subject that answers come to, without the number of the question.
    reply_to: String,
    asked: u64,
}

/// What a question for the next message comes to.
pub(crate) enum Answer {
    Message(Message),
    /// The inbox is empty, and stayed so.
    Nothing,
    /// The broker cannot say at the moment, for this reason.
    Later(String),
    /// There is no inbox for this key at the broker, for this reason. The server makes one at each login.
    Missing(String),
}

/// A message as it was delivered: nothing of it is verified.
pub(crate) struct Message {
    /// Whom the broker stored it under as the sender; none when it is not stored for this inbox.
    pub(crate) sender: Option<KeyId>,
    pub(crate) payload: Bytes,
    /// Where the broker is told what became of it; none when it does not come out of this inbox.
    receipt: Option<String>,
}

/// What happens to a message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done with.
    Done,
    /// It is worth nothing to anybody: it is removed, too, and counted apart by the broker.
    Worthless,
}

impl<'a> Inbox<'a> {
    /// Makes ready for reading.
    pub(crate) async fn open(session: &'a Session) -> Result<Self, Lost> {
        let reply_to = session.client.new_inbox();
        let replies = session.client.subscribe(format!("{reply_to}.*")).await.map_err(|_| Lost)?;
        Ok(Inbox { session, replies, reply_to, asked: 0 })
    }

    /// Waits at most `wait` for the next message. May be dropped at any time: a message that has arrived is returned,
    /// and one that arrives later is delivered again by the broker.
    pub(crate) async fn next(&mut self, wait: Duration) -> Result<Answer, Lost> {
        self.asked += 1;
        let reply_to = format!("{}.{}", self.reply_to, self.asked);
        let has_heartbeat = wait >= 2 * HEARTBEAT;
        let mut question = json!({ "batch": 1, "expires": nanos(wait) });
        if has_heartbeat {
            question["idle_heartbeat"] = nanos(HEARTBEAT).into();
        }
        let client = &self.session.client;
        let next = self.session.member.subjects().next();
        client.publish_with_reply(next, reply_to.clone(), question.to_string().into()).await.map_err(|_| Lost)?;
        let until = Instant::now() + wait + GRACE;
        let mut alive = Instant::now();
        loop {
            let silent = if has_heartbeat { (alive + SILENCE).min(until) } else { until };
            let Ok(message) = timeout_at(silent, self.replies.next()).await else {
                // Either the connection is dead, or it is the consumer that says nothing.
                timeout(GRACE, client.flush()).await.map_err(|_| Lost)?.map_err(|_| Lost)?;
                return Ok(Answer::Missing("it does not answer".into()));
            };
            let message = message.ok_or(Lost)?;
            alive = Instant::now();
            let Some(status) = message.status.filter(|status| *status != StatusCode::OK) else {
                return Ok(Answer::Message(self.message(message)));
            };
            // What is said about an earlier question answers nothing.
            if message.subject.as_str() != reply_to {
                continue;
            }
            match status {
                StatusCode::IDLE_HEARTBEAT => {}
                StatusCode::NOT_FOUND | StatusCode::TIMEOUT => return Ok(Answer::Nothing),
                StatusCode::NO_RESPONDERS => return Ok(Answer::Missing("there is none".into())),
                CONFLICT if is_deletion(message.description.as_deref()) => {
                    return Ok(Answer::Missing("it was deleted".into()));
                }
                _ => return Ok(Answer::Later(format!("{status} {}", message.description.unwrap_or_default()))),
            }
        }
    }

    fn message(&self, message: async_nats::Message) -> Message {
        let member = &self.session.member;
        let sender = parse_inbox(&message.subject).filter(|(to, _)| *to == member.chain).map(|(_, from)| from);
        let receipt = message.reply.map(|reply| reply.to_string()).filter(|reply| member.subjects().is_receipt(reply));
        Message { sender, payload: message.payload, receipt }
    }

    /// Tells the broker what became of a message, and waits until it says that it knows.
    pub(crate) async fn settle(&self, message: &Message, verdict: Verdict) -> Result<(), Lost> {
        let Some(receipt) = message.receipt.clone() else { return Ok(()) };
        let answer = self.session.client.request(receipt, verdict.as_bytes().into());
        match timeout(CONFIRM_TIMEOUT, answer).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Lost),
        }
    }
}

/// JetStream's status for a question that something else put an end to.
const CONFLICT: StatusCode = StatusCode::REQUEST_TERMINATED;

/// Whether that is the end of the consumer.
fn is_deletion(description: Option<&str>) -> bool {
    description.is_some_and(|description| description.eq_ignore_ascii_case("Consumer Deleted"))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Verdict {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Verdict::Done => b"+ACK",
            Verdict::Worthless => b"+TERM",
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes from {:?})", self.payload.len(), self.sender)
    }
}
