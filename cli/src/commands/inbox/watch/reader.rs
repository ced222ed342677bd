//! Reading one inbox, over as many connections as it takes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kez_core::envelope::EnvelopeType;
use kez_core::{Handle, Hash, KeyId, Timestamp};
use serde::Serialize;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::super::arrived;
use super::super::backoff::Backoff;
use super::super::senders::{Judgement, Senders};
use super::super::stop::{Stop, Stopped};
use super::Wanted;
use crate::broker::{Answer, Inbox, Lost, Member, Message, Session, Verdict};
use crate::commands::home::Home;
use crate::failure::{Failure, Local};
use crate::output;

/// How long the broker may hold a question for the next message.
const WAIT: Duration = Duration::from_secs(20);
/// How many requests are remembered, so that one that is delivered again is not printed again.
const REMEMBERED: usize = 10_000;

/// What was printed so far, and what it takes to judge what comes next.
pub(super) struct Reader<'a> {
    home: Arc<Home>,
    senders: Arc<Mutex<Senders>>,
    member: &'a Member,
    wanted: &'a Wanted,
    printed: u64,
    /// Whether it is told that the inbox cannot be read, since it was read last.
    is_told: bool,
    seen: HashSet<Hash>,
}

/// Why reading ended.
pub(super) enum End {
    /// As many as were asked for are printed.
    Enough,
    Stopped(Stopped),
    /// The connection is gone.
    Lost,
    /// The broker has no inbox for this key.
    NoInbox,
}

/// What became of a message.
enum Taken {
    Settled(Verdict),
    /// It stays in the inbox: its sender cannot be looked up at the moment.
    Left,
    /// Nothing is looked up for so long.
    Later(Duration),
}

#[derive(Serialize)]
struct Line {
    r#type: &'static str,
    from: KeyId,
    /// The identity's key that signed.
    signer: KeyId,
    /// The sender's handle, when the server proves that there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    created_at: Timestamp,
    id: Hash,
    nonce: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(home: Arc<Home>, member: &'a Member, wanted: &'a Wanted) -> Self {
        let (senders, seen) = (Arc::default(), HashSet::new());
        Reader { home, senders, member, wanted, printed: 0, is_told: false, seen }
    }

    /// How many requests were printed.
    pub(super) fn printed(&self) -> u64 {
        self.printed
    }

    /// Reads until the connection or the wish to read ends. Stops between messages only, so that what was printed is
    /// acknowledged, too. Fails when what it prints cannot be written.
    pub(super) async fn read(
        &mut self,
        session: &Session,
        stop: &mut Stop,
        backoff: &mut Backoff,
    ) -> Result<End, Failure> {
        let Ok(mut inbox) = Inbox::open(session).await else { return Ok(End::Lost) };
        loop {
            let wait = stop.at_most(WAIT);
            let answer = tokio::select! {
                biased;
                stopped = stop.requested() => return Ok(End::Stopped(stopped)),
                answer = inbox.next(wait) => answer,
            };
            match answer {
                Err(Lost) => return Ok(End::Lost),
                Ok(Answer::Missing(reason)) => {
                    if !std::mem::replace(&mut self.is_told, true) {
                        output::warn(&format!(
                            "The broker has no inbox for this key at the moment ({reason}); asking for it anew."
                        ));
                    }
                    return Ok(End::NoInbox);
                }
                Ok(Answer::Nothing) => {
                    backoff.reset();
                    self.is_told = false;
                }
                Ok(Answer::Message(message)) => {
                    backoff.reset();
                    self.is_told = false;
                    let verdict = loop {
                        match self.take(&message).await? {
                            Taken::Settled(verdict) => break Some(verdict),
                            Taken::Left => break None,
                            Taken::Later(wait) => tokio::select! {
                                biased;
                                stopped = stop.requested() => return Ok(End::Stopped(stopped)),
                                () = sleep(wait) => {}
                            },
                        }
                    };
                    let settled = match verdict {
                        Some(verdict) if !self.wanted.keep => inbox.settle(&message, verdict).await.is_ok(),
                        _ => true,
                    };
                    if self.wanted.count == Some(self.printed) {
                        if !settled {
                            output::warn(
                                "The broker does not confirm that it has taken note; the last one may come again.",
                            );
                        }
                        return Ok(End::Enough);
                    }
                    if !settled {
                        return Ok(End::Lost);
                    }
                }
                Ok(Answer::Later(reason)) => {
                    if !std::mem::replace(&mut self.is_told, true) {
                        output::warn(&format!(
                            "The broker cannot be read at the moment ({reason:.200}); trying again."
                        ));
                    }
                    tokio::select! {
                        biased;
                        stopped = stop.requested() => return Ok(End::Stopped(stopped)),
                        () = sleep(backoff.pause()?) => {}
                    }
                }
            }
        }
    }

    /// Prints a message that is a contact request to this identity, and tells on stderr what is wrong with any other.
    async fn take(&mut self, message: &Message) -> Result<Taken, Failure> {
        let signed = match arrived::request(message, self.member, &self.home) {
            Ok(signed) => signed,
            Err(problem) => return Ok(worthless(message, problem.into())),
        };
        if self.seen.contains(&signed.id()) {
            return Ok(Taken::Settled(Verdict::Done));
        }
        let (home, senders, from) = (Arc::clone(&self.home), Arc::clone(&self.senders), signed.claimed_from());
        let judged =
            spawn_blocking(move || senders.lock().unwrap_or_else(PoisonError::into_inner).judge(&home, &signed)).await;
        let not_well = |_| Judgement::NotNow(Failure::new(Local::Io, "The look-up did not end well."));
        let (received, handle) = match judged.unwrap_or_else(not_well) {
            Judgement::Theirs(received, handle) => (received, handle),
            Judgement::Nobodys(problem) => return Ok(worthless(message, problem.into())),
            Judgement::Unreadable(failure) => return Ok(worthless(message, failure)),
            Judgement::NotNow(failure) => {
                let advice =
                    format!("A request from {from} is left in the inbox, because its sender cannot be verified.");
                output::failure(&failure.advise(&advice));
                return Ok(Taken::Left);
            }
            Judgement::Later(seconds) => {
                output::warn(&format!(
                    "Strangers' chains took as much to verify as kez fetches in a minute; going on in {seconds} seconds."
                ));
                return Ok(Taken::Later(Duration::from_secs(seconds)));
            }
        };
        if self.seen.len() == REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(received.id);
        output::json(&Line {
            r#type: EnvelopeType::ContactRequest.payload_type(),
            from: received.from,
            signer: received.signer,
            handle: handle.as_ref().map(Handle::to_string),
            created_at: received.created_at,
            id: received.id,
            nonce: received.nonce.to_string(),
        })?;
        self.printed += 1;
        Ok(Taken::Settled(Verdict::Done))
    }
}

/// Tells what is wrong with a message that nobody can make use of.
fn worthless(message: &Message, failure: Failure) -> Taken {
    output::failure(&match message.sender {
        Some(sender) => failure.advise(&format!("The broker says that {sender} left it.")),
        None => failure,
    });
    Taken::Settled(Verdict::Worthless)
}
