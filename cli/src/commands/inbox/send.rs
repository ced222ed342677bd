//! `kez inbox send`: ask somebody to be in touch.

use kez_core::contact_request::{ContactRequest, MessageId};
use kez_core::{Code, Handle, Hash, KeyId, Problem};
use serde::Serialize;
use tokio::time::sleep;

use super::Place;
use super::backoff::Backoff;
use crate::broker::{self, Again, Session, Stored};
use crate::commands::lookup;
use crate::failure::{Failure, Local};
use crate::{output, system};

/// How often a message is sent when no answer comes back, or the broker is too busy to take it.
const ATTEMPTS: u32 = 6;

#[derive(Serialize)]
struct Delivered {
    delivered: bool,
    to: KeyId,
    handle: String,
    /// The envelope's id, as the recipient sees it.
    id: Hash,
    nonce: String,
    /// An earlier attempt had arrived although its answer had not.
    #[serde(skip_serializing_if = "is_false")]
    duplicate: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes members by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Looks the recipient up, signs, sends, and prints that it was stored.
pub(super) fn run(place: Place, to: &str) -> Result<(), Failure> {
    let handle = recipient(&place, to)?;
    let to = lookup::proven(&place.home.client, &handle, &place.home.name)?.chain;
    let nonce = MessageId::from_bytes(system::random()?);
    let request = ContactRequest { to, server: place.home.name.clone(), created_at: place.home.now(), nonce };
    let message = request.sign(place.member.chain, &place.member.key);
    let id = Hash::of(&message);
    let Stored { duplicate } = broker::run(deliver(&place, &to, &nonce, &message))?;
    output::json(&Delivered {
        delivered: true,
        to,
        handle: handle.to_string(),
        id,
        nonce: nonce.to_string(),
        duplicate,
    })
}

/// Inboxes are the home server's own: nobody elsewhere reads them.
fn recipient(place: &Place, to: &str) -> Result<Handle, Failure> {
    let (typed, home) = (lookup::typed(to)?, &place.home.name);
    if typed.server().is_none_or(|server| server == home) {
        return Ok(typed.for_lookup().map_err(Problem::from)?);
    }
    Err(Problem::new(Code::WrongServer, format!("This key is at home at {home}, and can write to handles there only."))
        .into())
}

/// Sends until the broker says what became of it. It is the same message each time, and stored once.
async fn deliver(place: &Place, to: &KeyId, nonce: &MessageId, message: &[u8]) -> Result<Stored, Failure> {
    let mut backoff = Backoff::default();
    let mut is_known = false;
    loop {
        let was_sent = backoff.failed() > 0;
        match Session::open(&place.broker, &place.member).await {
            Ok(session) => match session.deliver(to, nonce, message.to_vec()).await {
                Ok(answer) => return answer,
                Err(again) => is_known = again == Again::Busy,
            },
            Err(failure) if !was_sent => return Err(failure),
            Err(_) => {}
        }
        let pause = backoff.pause()?;
        if backoff.failed() == ATTEMPTS {
            let detail = if is_known {
                format!("The broker at {} has more to do than it can, and did not take the message.", place.broker)
            } else {
                format!("The broker at {} does not confirm the message. Whether it arrived is not known.", place.broker)
            };
            return Err(Failure::new(Local::NotDelivered, detail));
        }
        sleep(pause).await;
    }
}
