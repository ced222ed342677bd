//! What happens, one after the other: taken from one queue, and written at once.

use std::sync::Arc;

use getrandom::SysRng;
use kez_conversation::{Batch, Event, Now, Step};
use tokio::time::{Instant, sleep_until};

use super::{Engine, Happened, OWN_LOOK, Turn, no_randomness};
use crate::commands::chat::link::{Errand, Link};
use crate::commands::chat::requests::Reader;
use crate::commands::inbox::outage::Outage;
use crate::commands::inbox::stop::Stop;
use crate::failure::Failure;

/// Events that are one write: each write waits for the disk.
const AT_ONCE: usize = 64;

/// Whose something is that happened.
enum Told {
    /// The machine's.
    Event(Event),
    Nothing,
    Other(Happened),
}

impl Engine {
    /// Waits for something, and takes it with all that is there already, as one write. It is not to be dropped before it has
    /// ended: writes would be lost.
    pub(in crate::commands::chat) async fn turn(
        &mut self,
        stop: &mut Stop,
        until: Option<Instant>,
    ) -> Result<Turn, Failure> {
        if let Some(other) = self.other.take() {
            return Ok(Turn::Other(other));
        }
        let first = match self.to_do.pop_front() {
            Some(event) => event,
            None => {
                let deadline = self.wake.into_iter().chain(until).min();
                let happened = tokio::select! {
                    biased;
                    _ = stop.requested() => return Ok(Turn::Stopped),
                    // This side holds a sender, so there is always one.
                    Some(happened) = self.happened.recv() => happened,
                    () = over(deadline) => Happened::Event(Event::Tick),
                };
                match self.told(happened)? {
                    Told::Event(event) => event,
                    Told::Nothing => return Ok(Turn::Notices(Vec::new())),
                    Told::Other(other) => return Ok(Turn::Other(other)),
                }
            }
        };
        let mut step = self.step(first)?;
        for _ in 1..AT_ONCE {
            let event = match (self.to_do.pop_front(), self.other.is_some()) {
                (Some(event), _) => event,
                (None, true) => break,
                (None, false) => {
                    let Ok(happened) = self.happened.try_recv() else { break };
                    match self.told(happened)? {
                        Told::Event(event) => event,
                        Told::Nothing => continue,
                        Told::Other(other) => {
                            self.other = Some(other);
                            break;
                        }
                    }
                }
            };
            let next = self.step(event)?;
            step.writes.0.extend(next.writes.0);
            step.effects.extend(next.effects);
        }
        self.perform(step, Batch::default()).await.map(Turn::Notices)
    }

    fn told(&mut self, happened: Happened) -> Result<Told, Failure> {
        Ok(match happened {
            Happened::Event(Event::MailboxEmpty { look: OWN_LOOK }) => {
                self.backoff.reset();
                self.looked = true;
                Told::Nothing
            }
            Happened::Event(event) => {
                self.asking -= usize::from(matches!(event, Event::Answered { .. }));
                self.looking = self.looking.saturating_sub(usize::from(matches!(event, Event::MailboxEmpty { .. })));
                Told::Event(event)
            }
            Happened::InboxRead => {
                self.inbox_read = true;
                Told::Nothing
            }
            Happened::LoggedIn(Ok(session)) => {
                self.links += 1;
                (self.was_in, self.refused, self.outage) = (true, None, Outage::default());
                let session = Arc::new(session);
                self.link = Some(Link::begin(self.links, Arc::clone(&session), self.tell.clone()));
                self.errand(Errand::Look(OWN_LOOK));
                let (home, member, senders) =
                    (Arc::clone(&self.home), Arc::clone(&self.member), Arc::clone(&self.senders));
                Reader { home, member, senders }.begin(session, self.tell.clone());
                Told::Event(Event::Connected)
            }
            Happened::LoggedIn(Err(failure)) => {
                if self.was_in {
                    self.outage.goes_on(failure.clone())?;
                }
                self.refused = Some(failure);
                let pause = self.backoff.pause()?;
                self.connect(pause);
                Told::Nothing
            }
            Happened::Frame { link, sender, frame, receipt } if link == self.links => {
                self.tokens += 1;
                self.receipts.insert(self.tokens, receipt);
                Told::Event(Event::Frame { token: self.tokens, sender, frame })
            }
            Happened::Lost { link } if link == self.links && self.link.is_some() => {
                self.link = None;
                (self.looked, self.inbox_read, self.looking) = (false, false, 0);
                self.receipts.clear();
                let pause = self.backoff.pause()?;
                self.connect(pause);
                Told::Event(Event::Disconnected)
            }
            // Of a connection that is gone.
            Happened::Frame { .. } | Happened::Lost { .. } => Told::Nothing,
            other => Told::Other(other),
        })
    }

    pub(super) fn step(&mut self, event: Event) -> Result<Step, Failure> {
        let steady = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = Now { wall: self.home.now(), steady };
        self.machine.handle(event, now, &mut SysRng).map_err(no_randomness)
    }
}

async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
