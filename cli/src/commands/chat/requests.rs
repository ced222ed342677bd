//! Contact requests, as the inbox has them: who asks to talk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kez_core::{Hash, KeyId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::engine::Happened;
use crate::broker::{Answer, Inbox, Lost, Member, Message, Session, Verdict};
use crate::commands::home::Home;
use crate::commands::inbox::arrived;
use crate::commands::inbox::senders::{Judgement, Senders};

/// How long the broker may hold a question for the next request, the first time and later.
const FIRST: Duration = Duration::from_millis(200);
const WAIT: Duration = Duration::from_secs(20);
/// Pause where there is no inbox, or it cannot be read.
const PAUSE: Duration = Duration::from_secs(10);

/// Somebody asks to be in touch, which is proven.
pub(super) struct Request {
    pub(super) id: Hash,
    pub(super) from: KeyId,
    pub(super) handle: Option<String>,
    /// That it is kept.
    pub(super) kept: oneshot::Sender<()>,
}

/// What it takes to read.
pub(super) struct Reader {
    pub(super) home: Arc<Home>,
    pub(super) member: Arc<Member>,
    pub(super) senders: Arc<Mutex<Senders>>,
}

impl Reader {
    /// Reads as long as the connection is there.
    pub(super) fn begin(self, session: Arc<Session>, tell: mpsc::UnboundedSender<Happened>) {
        tokio::spawn(async move { self.read(&session, &tell).await });
    }

    async fn read(&self, session: &Session, tell: &mpsc::UnboundedSender<Happened>) -> Result<(), Lost> {
        let mut inbox = Inbox::open(session).await?;
        let mut is_read = false;
        loop {
            match inbox.next(if is_read { WAIT } else { FIRST }).await? {
                Answer::Message(message) => {
                    let verdict = self.take(&message, tell).await;
                    if let Some(verdict) = verdict {
                        inbox.settle(&message, verdict).await?;
                    }
                }
                other => {
                    if !std::mem::replace(&mut is_read, true) {
                        tell.send(Happened::InboxRead).map_err(|_| Lost)?;
                    }
                    if !matches!(other, Answer::Nothing) {
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    /// What becomes of a message; nothing while nobody can say who it is from.
    async fn take(&self, message: &Message, tell: &mpsc::UnboundedSender<Happened>) -> Option<Verdict> {
        let Ok(signed) = arrived::request(message, &self.member, &self.home) else { return Some(Verdict::Worthless) };
        loop {
            let (home, senders, signed) = (Arc::clone(&self.home), Arc::clone(&self.senders), signed.clone());
            let judged =
                spawn_blocking(move || senders.lock().unwrap_or_else(PoisonError::into_inner).judge(&home, &signed));
            match judged.await.ok()? {
                Judgement::Theirs(received, handle) => {
                    let (kept, is_kept) = oneshot::channel();
                    let handle = handle.map(|handle| handle.to_string());
                    let (id, from) = (received.id, received.from);
                    tell.send(Happened::Request(Request { id, from, handle, kept })).ok()?;
                    return is_kept.await.ok().map(|()| Verdict::Done);
                }
                Judgement::Nobodys(_) | Judgement::Unreadable(_) => return Some(Verdict::Worthless),
                Judgement::NotNow(_) => return None,
                Judgement::Later(seconds) => sleep(Duration::from_secs(seconds)).await,
            }
        }
    }
}
