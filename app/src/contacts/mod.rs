//! Who asked to be in touch with the identity of this browser, and what its owner decided. All of it is kept here; the
//! server learns nothing of it.

mod person;
mod receive;
mod store;

use kez_core::{KeyId, Timestamp};

pub(crate) use self::person::{Person, Standing};
pub(crate) use self::receive::{Delivered, NotNow, receive};
use crate::browser::{self, Channel, StorageFault};

/// Where tabs tell each other that something here changed.
const CHANNEL: &str = "kez-chat contacts";

/// What to do when the browser keeps no contacts.
pub(crate) fn advice(fault: StorageFault) -> String {
    format!(
        "Contact requests cannot be shown or kept. {} Nothing that was sent to you is lost meanwhile.",
        fault.advice()
    )
}

/// Everybody who asked `me`, the last to ask first.
pub(crate) async fn people(me: &KeyId) -> Result<Vec<Person>, StorageFault> {
    store::people(me).await
}

/// Decides on somebody who asked.
pub(crate) async fn decide(me: &KeyId, from: &KeyId, standing: Standing) -> Result<(), StorageFault> {
    store::decide(me, from, standing).await?;
    browser::say(CHANNEL, "");
    Ok(())
}

/// Forgets what is of no more use. A browser that cannot do it now can later.
pub(crate) async fn tidy(now: Timestamp) {
    let _forgotten = store::forget_old(now).await;
}

/// Forgets everybody.
pub(crate) async fn clear() -> Result<(), StorageFault> {
    store::clear().await?;
    browser::say(CHANNEL, "");
    Ok(())
}

/// Calls `changed` whenever something changed here, in this tab or another one, until it is dropped.
pub(crate) fn watch(mut changed: impl FnMut() + 'static) -> Channel {
    Channel::open(CHANNEL, move |_| changed())
}
