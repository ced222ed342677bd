//! A wish on its way to being done: after each turn of the machine it goes on as far as it can.

use std::time::Duration;

use kez_conversation::{Body, ConversationState, Event, Id, Notice, Stands};
use kez_core::KeyId;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::engine::Engine;
use super::lines::Who;
use super::reply::{Reply, Said};
use super::wish::{Whom, Wish};
use super::{names, show, watch};
use crate::failure::{Failure, Local};
use crate::output;

/// How long what is shown may wait for what is in the mailbox, and an acceptance for the conversation.
const PATIENCE: Duration = Duration::from_secs(10);
const OPENING: Duration = Duration::from_secs(30);

/// A wish, who hears of it, and how far it is.
pub(super) struct Job {
    pub(super) wish: Wish,
    reply: Reply,
    until: Option<Instant>,
    stage: Stage,
    /// Whether it was to ask somebody who asked before, which is to accept.
    pub(super) accepts: bool,
}

/// How far a job is.
enum Stage {
    New,
    /// They are accepted.
    Accepted,
    /// The text is said, for these devices as far as is known.
    Said {
        id: Id,
        devices: Vec<KeyId>,
    },
}

#[derive(Serialize)]
struct Sent {
    id: String,
    /// The devices whose mailboxes have it, and those whose have not.
    delivered_to: Vec<KeyId>,
    waiting: Vec<KeyId>,
}

/// What became of a job in one turn.
pub(super) enum Progress {
    Done,
    GoesOn,
}
use Progress::{Done, GoesOn};

impl Job {
    pub(super) fn new(wish: Wish, reply: Reply) -> Job {
        let patience = match &wish {
            Wish::Watch { secs, .. } => secs.map(Duration::from_secs),
            Wish::Send { secs, .. } => Some(Duration::from_secs(*secs)),
            Wish::Ask { .. } | Wish::Accept { .. } => Some(OPENING),
            _ => Some(PATIENCE),
        };
        Job {
            wish,
            reply,
            until: patience.map(|patience| Instant::now() + patience),
            stage: Stage::New,
            accepts: false,
        }
    }

    /// When it has to end.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether nobody waits for it.
    pub(super) fn is_nobodys(&self) -> bool {
        self.reply.is_gone()
    }

    /// Tells how it ended. The failure is that of a job of this process, which is told by its exit.
    pub(super) fn end(&self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        if matches!(self.reply, Reply::Stdout) {
            return outcome;
        }
        self.reply.tell(Said::End(outcome.err().map(Into::into)));
        Ok(())
    }

    /// This process ends before the job does.
    pub(super) fn hand_back(&self) {
        self.reply.tell(Said::Again);
    }

    /// Goes on after a turn that told of `notices`; `is_over` when there is no more time. The inner failure is the job's own.
    pub(super) async fn go_on(
        &mut self,
        engine: &mut Engine,
        notices: &[Notice],
        is_over: bool,
    ) -> Result<Result<Progress, Failure>, Failure> {
        let is_over = is_over || self.until.is_some_and(|until| Instant::now() >= until);
        if let (false, Some(failure)) = (engine.was_in, &engine.refused) {
            if !self.is_a_look() {
                return Ok(Err(failure.clone()));
            }
            output::warn(&format!("This is what was here before. {}", failure.detail));
            return Ok(self.show(engine));
        }
        match &self.wish {
            Wish::List | Wish::Status | Wish::History { .. } | Wish::Export { .. } => {
                Ok(if engine.is_settled() || is_over { self.show(engine) } else { Ok(GoesOn) })
            }
            Wish::Ask { with } => {
                let with = with.clone();
                self.ask(engine, &with, is_over).await
            }
            Wish::Accept { with } => {
                let with = with.clone();
                self.accept(engine, &with, is_over).await
            }
            Wish::Send { with, text, id, .. } => {
                let (with, text, id) = (with.clone(), text.clone(), id.clone());
                self.send(engine, &with, text, id.as_deref(), is_over).await
            }
            Wish::Watch { with, count, .. } => {
                let with = with.as_ref().map(|with| with.chain);
                let printed = watch::print(engine, &self.reply, with.as_ref(), *count, notices).await?;
                Ok(match count {
                    Some(count) if printed == *count => Ok(Done),
                    Some(count) if is_over => Err(Failure::new(
                        Local::TimedOut,
                        format!("{printed} of {count} messages came in the time that was given."),
                    )),
                    None if is_over => Ok(Done),
                    _ => Ok(GoesOn),
                })
            }
        }
    }

    /// Whether it only shows what is here.
    fn is_a_look(&self) -> bool {
        matches!(self.wish, Wish::List | Wish::Status | Wish::History { .. } | Wish::Export { .. })
    }

    fn show(&self, engine: &Engine) -> Result<Progress, Failure> {
        match &self.wish {
            Wish::List => show::list(engine, &self.reply)?,
            Wish::Status => show::status(engine, &self.reply)?,
            Wish::History { with, limit } => show::history(&engine.records, &self.reply, &with.chain, *limit)?,
            Wish::Export { with } => show::export(&engine.records, &self.reply, &with.chain)?,
            _ => {}
        }
        Ok(Done)
    }

    /// They may begin a conversation from now on; the caller asks them to. Whoever asked before is accepted. It is done when
    /// this device's key packages are at the server, without which nobody could take it in.
    async fn ask(
        &mut self,
        engine: &mut Engine,
        with: &Whom,
        is_over: bool,
    ) -> Result<Result<Progress, Failure>, Failure> {
        if !matches!(self.stage, Stage::New) || engine.has_asked(&with.chain) {
            self.accepts = true;
            self.reply.tell(Said::Accepted);
            return self.accept(engine, with, is_over).await;
        }
        if !(engine.is_settled() || engine.was_in && is_over) {
            return Ok(if is_over { Err(unanswered(engine)) } else { Ok(GoesOn) });
        }
        let stands = match engine.machine.stands(&with.chain) {
            Stands::Stranger => Stands::Asked,
            stands => stands,
        };
        let batch = names::known(&with.chain, &with.handle);
        engine.contact(with.chain, stands, batch).await?;
        Ok(Ok(Done))
    }

    async fn accept(
        &mut self,
        engine: &mut Engine,
        with: &Whom,
        is_over: bool,
    ) -> Result<Result<Progress, Failure>, Failure> {
        if !engine.was_in {
            return Ok(if is_over { Err(unanswered(engine)) } else { Ok(GoesOn) });
        }
        if matches!(self.stage, Stage::New) {
            self.stage = Stage::Accepted;
            let stands = match engine.machine.stands(&with.chain) {
                stands @ Stands::Contact { .. } => stands,
                _ => Stands::Contact { accepted_here: true },
            };
            engine.contact(with.chain, stands, names::known(&with.chain, &with.handle)).await?;
            return Ok(Ok(GoesOn));
        }
        let status = engine.machine.status();
        let is_open =
            |one: &kez_conversation::ConversationStatus| one.with == with.chain && one.state == ConversationState::Open;
        // None of their devices can be taken in yet.
        let waits = engine.is_settled() && engine.machine.waits(&with.chain).is_some();
        let is_begun = status.frames == 0 && status.conversations.iter().any(is_open);
        if !(is_over || waits || is_begun) {
            return Ok(Ok(GoesOn));
        }
        if self.accepts {
            return Ok(Ok(Done));
        }
        let with = Who { chain: with.chain, handle: Some(with.handle.clone()) };
        Ok(self.reply.line(&json!({ "accepted": with })).map(|()| Done))
    }

    async fn send(
        &mut self,
        engine: &mut Engine,
        with: &Whom,
        text: String,
        id: Option<&str>,
        is_over: bool,
    ) -> Result<Result<Progress, Failure>, Failure> {
        let of_before = id.and_then(|id| Id::try_from(id.to_owned()).ok());
        if let (Stage::New, Some(id)) = (&self.stage, of_before) {
            self.stage = Stage::Said { id, devices: Vec::new() };
        }
        if matches!(self.stage, Stage::New) {
            if !engine.was_in {
                return Ok(if is_over { Err(unanswered(engine)) } else { Ok(GoesOn) });
            }
            if engine.is_elsewhere() {
                return Ok(Err(elsewhere()));
            }
            // Their acceptance may be in the mailbox.
            let is_contact = matches!(engine.machine.stands(&with.chain), Stands::Contact { .. });
            if !is_contact {
                let may_know = engine.is_settled() || is_over;
                return Ok(if may_know { Err(no_contact(engine, with)) } else { Ok(GoesOn) });
            }
            let body = Body::Text { text, re: None };
            let ours = names::known(&with.chain, &with.handle);
            let notices = engine.handle(Event::Say { with: with.chain, body }, ours).await?;
            let id = notices.iter().find_map(|notice| match notice {
                Notice::Said { with: to, content, .. } if *to == with.chain => Some(content.id),
                _ => None,
            });
            let Some(id) = id else {
                return Ok(Err(Failure::new(
                    Local::TextUnfit,
                    "The text takes more than 16 KiB as it is sent; send it in parts.",
                )));
            };
            self.reply.tell(Said::Sent(id.to_string()));
            self.stage = Stage::Said { id, devices: Vec::new() };
        }
        let Stage::Said { id, devices } = &mut self.stage else { return Ok(Ok(GoesOn)) };
        let left = engine.machine.undelivered(id);
        devices.extend(left.iter().flatten().filter(|device| !devices.contains(device)).copied().collect::<Vec<_>>());
        let waiting = match left {
            None => Vec::new(),
            Some(_) if !is_over => return Ok(Ok(GoesOn)),
            // Not encrypted yet: for whoever stands for them then.
            Some(_) if devices.is_empty() => with.devices.clone(),
            Some(left) => left,
        };
        let delivered_to = devices.iter().filter(|device| !waiting.contains(device)).copied().collect();
        Ok(self.reply.line(&Sent { id: id.to_string(), delivered_to, waiting }).map(|()| Done))
    }
}

fn unanswered(engine: &Engine) -> Failure {
    Failure::new(Local::BrokerUnreachable, format!("{} did not answer in time; try again later.", engine.broker))
}

fn no_contact(engine: &Engine, with: &Whom) -> Failure {
    let handle = &with.handle;
    let detail = match engine.machine.stands(&with.chain) {
        Stands::Asked => format!("{handle} has not accepted yet; a text can be sent once they did."),
        _ if engine.has_asked(&with.chain) => format!("{handle} asks to talk: kez chat accept {handle} comes first."),
        _ => format!("Ask them first: kez chat ask {handle}."),
    };
    Failure::new(Local::NotAContact, detail)
}

fn elsewhere() -> Failure {
    Failure::new(
        Local::ChatElsewhere,
        "The server says that this device's conversations go on in another place. Nothing is sent from here meanwhile: if \
         that is not you, revoke this device on another one; if its files were copied, use one of the copies alone.",
    )
}
