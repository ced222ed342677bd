//! From a message to somebody who asks: everything is verified before anything is kept, and kept before it is shown.

use kez_core::contact_request::Receiver;
use kez_core::{KeyId, ServerName, subject};

use super::CHANNEL;
use super::person::Taken;
use super::store;
use crate::browser;
use crate::chain::{self, Judged};

/// What became of a message that was dealt with, and may be taken out of the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is kept, or its sender is known.
    Kept,
    /// It is no request to this identity from somebody who has a handle here. Nothing of it is shown.
    Dropped,
    /// Nobody here can verify it: the log of this sender is too large.
    TooLarge(KeyId),
}

/// A message cannot be dealt with at the moment: the server, or the database, does not answer.
pub(crate) struct NotNow;

/// Deals with what was delivered to `me`, the broker having stored it under `subject`.
pub(crate) async fn receive(
    me: &KeyId,
    server: &ServerName,
    subject: &str,
    message: &[u8],
) -> Result<Delivered, NotNow> {
    let now = browser::server_now();
    // The broker lets everybody send under their own key only; what it says of the sender is compared all the same.
    let Some((_, sender)) = subject::parse_inbox(subject).filter(|(to, from)| to == me && from != me) else {
        return Ok(Delivered::Dropped);
    };
    let receiver = Receiver { me: *me, server, now };
    let Ok(signed) = receiver.verify(message, &sender) else { return Ok(Delivered::Dropped) };
    // Nothing that they send makes a difference any more, so nothing is fetched for it.
    if store::is_settled(me, &sender).await.map_err(|_| NotNow)? {
        return Ok(Delivered::Kept);
    }
    let judged = chain::judge(signed, server.clone()).await.map_err(|_| NotNow)?.await;
    let (request, handle) = match judged {
        Judged::Theirs(request, handle) => (request, handle),
        Judged::Nobodys => return Ok(Delivered::Dropped),
        Judged::TooLarge => return Ok(Delivered::TooLarge(sender)),
        Judged::NotNow => return Err(NotNow),
    };
    let taken = store::take(me, &request, &handle, now).await.map_err(|_| NotNow)?;
    if taken != Taken::Settled {
        browser::say(CHANNEL, "");
    }
    Ok(Delivered::Kept)
}
