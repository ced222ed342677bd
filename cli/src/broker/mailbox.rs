//! A device's mailbox: frames pulled out of it, and left in others'. JetStream's pull protocol, spoken by hand as for the
//! inbox.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, StatusCode, Subscriber, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kez_conversation::MAX_FRAME_BYTES;
use kez_core::KeyId;
use kez_core::subject::{MAIL_STREAM, MailSubjects, parse_mail};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Lost, Session};

/// How long the broker may hold a question for frames.
const WAIT: Duration = Duration::from_secs(30);
/// How often a consumer says that it is there, and how long it is believed to be that says nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(12);
/// Frames that one question asks for, as many as the broker lets be unsettled.
const BATCH: u64 = 256;
/// How long the broker may take to store a frame.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause where the broker cannot answer, before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// The mailbox of a session's device.
pub(crate) struct Mailbox {
    session: Arc<Session>,
    subjects: MailSubjects,
    replies: Subscriber,
    /// The subject that answers come to, without the number of the question.
    reply_to: String,
    asked: u64,
    /// The question that waits for what comes, and when it was last heard of.
    waiting: Option<(u64, Instant)>,
    /// The look that is under way: its last question, and what it is called. Those that wait behind it.
    look: Option<(u64, u64)>,
    looks: VecDeque<u64>,
    not_before: Instant,
}

/// Something that comes out of a mailbox.
pub(crate) enum Out {
    /// A frame, from the identity that the broker vouches for, and where it is told that the frame is kept.
    Frame { sender: KeyId, frame: Bytes, receipt: String },
    /// Everything that was there when this look began has come out.
    Empty(u64),
}

/// JetStream's word on what was published.
#[derive(Deserialize)]
struct PubAck {
    stream: Option<String>,
    #[serde(default)]
    seq: u64,
}

impl Mailbox {
    /// Makes ready for reading.
    pub(crate) async fn open(session: Arc<Session>) -> Result<Mailbox, Lost> {
        let subjects = MailSubjects::of(&session.member.chain, &session.member.key.id());
        // Below the device's own mailbox, where none of its siblings listens.
        let random = session.client.new_inbox();
        let reply_to = format!("{}.{}", subjects.reply_prefix(), random.rsplit('.').next().unwrap_or_default());
        let replies = session.client.subscribe(format!("{reply_to}.*")).await.map_err(|_| Lost)?;
        let now = Instant::now();
        Ok(Mailbox {
            session,
            subjects,
            replies,
            reply_to,
            asked: 0,
            waiting: None,
            look: None,
            looks: VecDeque::new(),
            not_before: now,
        })
    }

    /// Begins a look, once those before it are over.
    pub(crate) async fn look(&mut self, look: u64) -> Result<(), Lost> {
        if self.look.is_some() {
            self.looks.push_back(look);
            return Ok(());
        }
        self.go_on(look).await
    }

    async fn go_on(&mut self, look: u64) -> Result<(), Lost> {
        let question = self.ask(&json!({ "batch": BATCH, "no_wait": true })).await?;
        self.look = Some((question, look));
        Ok(())
    }

    async fn ask(&mut self, question: &serde_json::Value) -> Result<u64, Lost> {
        self.asked += 1;
        let reply_to = format!("{}.{}", self.reply_to, self.asked);
        let (client, next) = (&self.session.client, self.subjects.next());
        client.publish_with_reply(next, reply_to, question.to_string().into()).await.map_err(|_| Lost)?;
        Ok(self.asked)
    }

    /// Waits for what comes out next. May be dropped at any time: what has arrived is returned by the next call.
    pub(crate) async fn next(&mut self) -> Result<Out, Lost> {
        loop {
            if self.waiting.is_none() {
                tokio::time::sleep_until(self.not_before).await;
                let question = json!({
                    "batch": BATCH,
                    "expires": nanos(WAIT),
                    "idle_heartbeat": nanos(HEARTBEAT),
                });
                let question = self.ask(&question).await?;
                self.waiting = Some((question, Instant::now()));
            }
            let heard = self.waiting.map_or_else(Instant::now, |(_, heard)| heard);
            let Ok(message) = timeout_at(heard + SILENCE, self.replies.next()).await else {
                // Either the connection is dead, or it is the consumer that says nothing.
                timeout(STORE_TIMEOUT, self.session.client.flush()).await.map_err(|_| Lost)?.map_err(|_| Lost)?;
                self.waiting = None;
                continue;
            };
            let message = message.ok_or(Lost)?;
            if let Some(out) = self.take(message).await? {
                return Ok(out);
            }
        }
    }

    async fn take(&mut self, message: async_nats::Message) -> Result<Option<Out>, Lost> {
        if let Some((_, heard)) = &mut self.waiting {
            *heard = Instant::now();
        }
        let Some(status) = message.status.filter(|status| *status != StatusCode::OK) else {
            return self.frame(message).await;
        };
        let question = message.subject.as_str().strip_prefix(&self.reply_to).and_then(|rest| rest.strip_prefix('.'));
        let question = question.and_then(|question| question.parse::<u64>().ok());
        if let Some((of_look, look)) = self.look
            && question == Some(of_look)
        {
            if matches!(status, StatusCode::NOT_FOUND | StatusCode::TIMEOUT) {
                self.look = None;
                if let Some(next) = self.looks.pop_front() {
                    self.go_on(next).await?;
                }
                return Ok(Some(Out::Empty(look)));
            }
            // It cannot say, so it is asked again.
            tokio::time::sleep(PAUSE).await;
            return self.go_on(look).await.map(|()| None);
        }
        if question == self.waiting.map(|(question, _)| question) && status != StatusCode::IDLE_HEARTBEAT {
            let is_over = matches!(status, StatusCode::NOT_FOUND | StatusCode::TIMEOUT);
            self.not_before = Instant::now() + if is_over { Duration::ZERO } else { PAUSE };
            self.waiting = None;
        }
        Ok(None)
    }

    /// A frame as it was delivered. What does not come out of this mailbox is nothing.
    async fn frame(&mut self, message: async_nats::Message) -> Result<Option<Out>, Lost> {
        let Some(receipt) = message.reply.map(|reply| reply.to_string()) else { return Ok(None) };
        if !self.subjects.is_receipt(&receipt) {
            return Ok(None);
        }
        // How many are left behind it is its last word. A question that does not wait is answered with what there is, and
        // with a word of its own only where there is nothing.
        let is_last = receipt.rsplit('.').next() == Some("0");
        if let Some((_, look)) = self.look
            && is_last
        {
            self.go_on(look).await?;
        }
        let is_for_me = |to: &KeyId| *to == self.session.member.key.id() && message.payload.len() <= MAX_FRAME_BYTES;
        let sender = parse_mail(&message.subject).filter(|(to, _)| is_for_me(to));
        Ok(sender.map(|(_, sender)| Out::Frame { sender, frame: message.payload, receipt }))
    }

    /// Tells the broker that a frame is kept here. One whose word is lost comes again.
    pub(crate) async fn settle(&self, receipt: String) -> Result<(), Lost> {
        self.session.client.publish(receipt, "+ACK".into()).await.map_err(|_| Lost)
    }

    /// Waits until the broker has heard everything.
    pub(crate) async fn flush(&self) -> Result<(), Lost> {
        self.session.client.flush().await.map_err(|_| Lost)
    }

    /// Leaves a frame in a mailbox; gives whether the broker keeps it.
    pub(crate) fn post(&self, to: &KeyId, id: &str, frame: Vec<u8>) -> impl Future<Output = bool> + use<> {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, id);
        let (client, subject) = (self.session.client.clone(), self.subjects.send(to));
        async move {
            let answer = timeout(STORE_TIMEOUT, client.request_with_headers(subject, headers, frame.into())).await;
            let Ok(Ok(answer)) = answer else { return false };
            serde_json::from_slice::<PubAck>(&answer.payload)
                .is_ok_and(|ack| ack.stream.as_deref() == Some(MAIL_STREAM) && ack.seq > 0)
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
