//! One connection to the broker, for as long as it lasts: frames in and out.

use std::sync::Arc;
use std::time::Duration;

use kez_conversation::Event;
use kez_core::KeyId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::engine::Happened;
use crate::broker::{Lost, Mailbox, MailboxOut, Session};

/// Something to be done over a connection.
pub(super) enum Errand {
    /// Say when the mailbox is empty.
    Look(u64),
    /// Tell the broker that a frame is kept here.
    Settle(String),
    /// Leave a frame in a mailbox.
    Post { publish: u64, device: KeyId, id: String, frame: Vec<u8> },
}

/// A connection; it ends when this is dropped.
pub(super) struct Link {
    errands: mpsc::UnboundedSender<Errand>,
    task: JoinHandle<()>,
}

/// Frames that wait here to be kept. A broker as it should be hands out a quarter of that.
const MOST_UNSETTLED: usize = 1_024;
/// How long an end may take that tells the broker what is kept.
const ENDING: Duration = Duration::from_secs(2);

impl Link {
    /// Begins to read the mailbox.
    pub(super) fn begin(number: u64, session: Arc<Session>, tell: mpsc::UnboundedSender<Happened>) -> Link {
        let (errands, to_do) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            // However it ends, it is over; and whoever is told of it may be gone.
            let _ = run(number, session, to_do, &tell).await;
            let _ = tell.send(Happened::Lost { link: number });
        });
        Link { errands, task }
    }

    /// Does what is to be done, and ends.
    pub(super) async fn end(self) {
        drop(self.errands);
        // What the broker does not hear comes again.
        let _ = timeout(ENDING, self.task).await;
    }

    /// Whether the connection was still there.
    pub(super) fn send(&self, errand: Errand) -> bool {
        self.errands.send(errand).is_ok()
    }
}

async fn run(
    link: u64,
    session: Arc<Session>,
    mut errands: mpsc::UnboundedReceiver<Errand>,
    tell: &mpsc::UnboundedSender<Happened>,
) -> Result<(), Lost> {
    let mut mailbox = Mailbox::open(session).await?;
    let mut unsettled: usize = 0;
    loop {
        tokio::select! {
            biased;
            errand = errands.recv() => match errand {
                None => return mailbox.flush().await,
                Some(errand) => match errand {
                    Errand::Look(look) => mailbox.look(look).await?,
                    Errand::Settle(receipt) => {
                        unsettled = unsettled.saturating_sub(1);
                        mailbox.settle(receipt).await?;
                    }
                    Errand::Post { publish, device, id, frame } => {
                        let (posted, tell) = (mailbox.post(&device, &id, frame), tell.clone());
                        tokio::spawn(async move {
                            let kept = posted.await;
                            let _ = tell.send(Happened::Event(Event::Published { publish, kept }));
                        });
                    }
                },
            },
            out = mailbox.next() => {
                let happened = match out? {
                    MailboxOut::Frame { sender, frame, receipt } => {
                        unsettled += 1;
                        if unsettled > MOST_UNSETTLED {
                            return Err(Lost);
                        }
                        Happened::Frame { link, sender, frame: frame.to_vec(), receipt }
                    }
                    MailboxOut::Empty(look) => Happened::Event(Event::MailboxEmpty { look }),
                };
                tell.send(happened).map_err(|_| Lost)?;
            }
        }
    }
}
