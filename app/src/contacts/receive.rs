//! From a message to somebody who asks: everything is verified before anything is kept, and kept before it is shown.

use kez_core::contact_request::{Receiver, SignedRequest};
use kez_core::registration::Expected;
use kez_core::{Code, Handle, KeyId, ServerName, subject};

use super::CHANNEL;
use super::person::Taken;
use super::store;
use crate::{api, browser};

/// What became of a message that was dealt with, and may be taken out of the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is kept, or its sender is known.
    Kept,
    /// It is no request to this identity from somebody who has a handle here. Nothing of it is shown.
    Dropped,
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
    let now = browser::now();
    // The broker lets everybody send under their own key only; what it says of the sender is compared all the same.
    let Some((_, sender)) = subject::parse_inbox(subject).filter(|(to, from)| to == me && from != me) else {
        return Ok(Delivered::Dropped);
    };
    let receiver = Receiver { me: *me, server, now };
    let Ok(request) = receiver.verify(message, &sender).and_then(SignedRequest::from_itself) else {
        return Ok(Delivered::Dropped);
    };
    let known = store::find(me, &request.from).await.map_err(|_| NotNow)?;
    let handle = match known {
        Some(person) => person.handle,
        None => match handle_of(&request.from, server).await? {
            Some(handle) => handle,
            None => return Ok(Delivered::Dropped),
        },
    };
    let taken = store::take(me, &request, &handle, now).await.map_err(|_| NotNow)?;
    if taken != Taken::Settled {
        browser::say(CHANNEL, "");
    }
    Ok(Delivered::Kept)
}

/// The handle that `key` proves to hold: the server says which, and the key's own signature has to say so too.
async fn handle_of(key: &KeyId, server: &ServerName) -> Result<Option<Handle>, NotNow> {
    let unknown = |failure: &api::Failure| matches!(failure.code(), Some(Code::NotFound | Code::Gone));
    let holder = match api::lookup_key(*key).await {
        Ok(holder) => holder,
        Err(failure) if unknown(&failure) => return Ok(None),
        Err(_) => return Err(NotNow),
    };
    let Ok(handle) = holder.handle.parse::<Handle>() else { return Ok(None) };
    let envelope = match api::registration(&handle).await {
        Ok(envelope) => envelope,
        Err(failure) if unknown(&failure) => return Ok(None),
        Err(_) => return Err(NotNow),
    };
    let proven = (Expected { handle: &handle, primary: *key, server }).verify(&envelope).is_ok();
    Ok(proven.then_some(handle))
}
