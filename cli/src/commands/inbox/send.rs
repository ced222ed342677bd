//! `kez inbox send`: ask somebody to be in touch.

use std::sync::Arc;

use kez_core::contact_request::{ContactRequest, MessageId};
use kez_core::{Code, Handle, Hash, KeyId, Problem, Record};
use serde::Serialize;
use tokio::time::sleep;

use super::backoff::Backoff;
use super::refusal;
use crate::broker::{self, Again, BrokerUrl, Member, Session, Stored};
use crate::commands::home::Home;
use crate::commands::lookup;
use crate::commands::place::Place;
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
    let (Record { chain: to, .. }, _) = lookup::proven(&place.home.client, &handle, &place.home.name)?;
    let home = Arc::new(place.home);
    let Sent { id, nonce, duplicate } = broker::run(request(&home, &place.broker, &place.member, to))?;
    let (handle, nonce) = (handle.to_string(), nonce.to_string());
    output::json(&Delivered { delivered: true, to, handle, id, nonce, duplicate })
}

/// A contact request that is in its inbox.
pub(in crate::commands) struct Sent {
    id: Hash,
    nonce: MessageId,
    duplicate: bool,
}

/// Asks the identity `to` to be in touch.
pub(in crate::commands) async fn request(
    home: &Arc<Home>,
    broker: &BrokerUrl,
    member: &Arc<Member>,
    to: KeyId,
) -> Result<Sent, Failure> {
    let nonce = MessageId::from_bytes(system::random()?);
    let request = ContactRequest { to, server: home.name.clone(), created_at: home.now(), nonce };
    let message = request.sign(member.chain, &member.key);
    let id = Hash::of(&message);
    match deliver(broker, member, &to, &nonce, &message).await {
        Err(failure) => Err(refusal::explain(home, failure).await),
        Ok(Stored { duplicate }) => Ok(Sent { id, nonce, duplicate }),
    }
}

/// Inboxes are the home server's own: nobody elsewhere reads them.
pub(in crate::commands) fn recipient(place: &Place, to: &str) -> Result<Handle, Failure> {
    let (typed, home) = (lookup::typed(to)?, &place.home.name);
    if typed.server().is_none_or(|server| server == home) {
        return Ok(typed.for_lookup().map_err(Problem::from)?);
    }
    Err(Problem::new(Code::WrongServer, format!("This key is at home at {home}, and can write to handles there only."))
        .into())
}

/// Sends until the broker says what became of it. It is the same message each time, and stored once.
async fn deliver(
    broker: &BrokerUrl,
    member: &Arc<Member>,
    to: &KeyId,
    nonce: &MessageId,
    message: &[u8],
) -> Result<Stored, Failure> {
    let mut backoff = Backoff::default();
    let mut last = Again::Unanswered;
    loop {
        let was_sent = backoff.failed() > 0;
        match Session::open(broker, member).await {
            Ok(session) => match session.deliver(to, nonce, message.to_vec()).await {
                Ok(answer) => return answer,
                Err(again) => last = again,
            },
            Err(failure) if !was_sent => return Err(failure),
            Err(_) => {}
        }
        let pause = backoff.pause()?;
        if backoff.failed() == ATTEMPTS {
            let detail = match last {
                Again::Busy => {
                    format!("The broker at {broker} has more to do than it can, and did not take the message.")
                }
                Again::NoInboxes => {
                    format!(
                        "The broker at {broker} has no inboxes, and did not take the message; tell who runs the server."
                    )
                }
                Again::Unanswered => {
                    format!("The broker at {broker} does not confirm the message. Whether it arrived is not known.")
                }
            };
            return Err(Failure::new(Local::NotDelivered, detail));
        }
        sleep(pause).await;
    }
}
