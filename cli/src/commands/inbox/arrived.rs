//! What came into the inbox, as far as it can be judged without asking anybody.

use kez_core::contact_request::{Receiver, SignedRequest};
use kez_core::{Code, Problem};

use crate::broker::{Member, Message};
use crate::commands::home::Home;

/// Largest message that is looked at, in bytes: what a broker that is set up as it should be lets through.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The contact request to `member` that a message is, by whoever it says.
pub(in crate::commands) fn request(message: &Message, member: &Member, home: &Home) -> Result<SignedRequest, Problem> {
    let sender = message.sender.as_ref();
    let sender = sender
        .ok_or_else(|| Problem::new(Code::KeyMismatch, "The broker delivered what no key left in this inbox."))?;
    if message.payload.len() > MAX_MESSAGE_BYTES {
        return Err(Problem::new(
            Code::PayloadTooLarge,
            "A message in the inbox is over 64 KiB; it was not looked at.",
        ));
    }
    let receiver = Receiver { me: member.chain, server: &home.name, now: home.now() };
    receiver.verify(&message.payload, sender)
}
