//! Asking the owner of a profile to be in touch.
//!
//! For tests: `#contact` with `data-state` `absent` (nothing to ask: this browser holds no registered identity, it is this
//! profile's own, or the server has no broker), `unavailable` (the storage does not say who is here: `#contact-unavailable`
//! does, and what to do; button `Try again`), `ready`, `working`, `delivered` or `failed`; `#contact-statement` is the
//! exact text that is signed; button `Send a contact request` (`Try again` after a failure); `#contact-error` has
//! `role=alert`, `#contact-progress` and `#contact-note` are live regions.

use kez_core::contact_request::{ContactRequest, MessageId};
use kez_core::{Handle, KeyId, ServerName};
use leptos::prelude::*;
use leptos::wasm_split::wasm_split;

use super::bind::effect;
use super::proof::shown;
use crate::broker::{Connection, Stored, Trouble, explain};
use crate::browser::{StorageFault, mark, tell};
use crate::chain::{self, NOT_LOADED, NotLoaded};
use crate::place::{Broker, broker};
use crate::task::spawn;
use crate::vault::{self, Fault, Identity, Stage};
use crate::{api, browser};

/// How often one message is sent before the person is asked. The broker keeps it once.
const TRIES: u32 = 5;
/// The pause between two tries.
const PAUSE_MILLIS: i32 = 1_000;

/// Whom to ask, as whom, and what gets signed.
#[derive(Clone)]
struct Draft {
    identity: Identity,
    broker: Broker,
    handle: Handle,
    /// The key that the reader sees.
    primary: KeyId,
    request: ContactRequest,
}

impl Draft {
    /// Nothing where there is nobody to ask, or nobody to ask as.
    async fn for_this_page() -> Result<Option<Draft>, Fault> {
        let (Some(shown), Some(broker)) = (shown(), broker()) else { return Ok(None) };
        Ok(match vault::load().await? {
            Some(identity) => Draft::of(identity, shown, broker).await,
            None => None,
        })
    }

    async fn of(identity: Identity, shown: (Handle, ServerName, KeyId), broker: Broker) -> Option<Draft> {
        let (handle, server, primary) = shown;
        if identity.stage != Stage::Registered || identity.key == primary {
            return None;
        }
        // Who is asked is the identity, whichever of its keys is shown; this is proven before anything is sent.
        let holder = api::lookup(&handle, None).await.ok().filter(|holder| holder.active)?;
        let to = holder.chain;
        if identity.chain == to {
            return None;
        }
        let nonce = MessageId::from_bytes(*vault::random().ok()?);
        // A date that is off makes the recipient throw it away.
        api::ask_for_the_time().await;
        let request = ContactRequest { to, server, created_at: browser::server_now(), nonce };
        Some(Draft { identity, broker, handle, primary, request })
    }

    /// Proves that the key is the handle's, signs, and sends; what was signed once stays the same however often it is
    /// sent.
    async fn send(&self) -> Result<(), String> {
        let ContactRequest { to, server, nonce, .. } = &self.request;
        let reached = chain::reach(self.handle.clone(), self.primary, server.clone()).await;
        if reached.map_err(|_| NOT_LOADED.to_owned())?.await? != *to {
            return Err("Nothing was sent: the server named another identity than the card proves.".to_owned());
        }
        let secret = vault::open(&self.identity.key).await.map_err(|fault| fault.advice().to_owned())?;
        let envelope = self.request.sign(self.identity.chain, &secret);
        drop(secret);
        let mut outcome = Err(Trouble::Lost);
        for _ in 0..TRIES {
            outcome = self.deliver(&nonce.to_string(), &envelope).await;
            // Only a lost answer, a lost line, or a broker that is busy or about to be put right is worth another try.
            let is_worth_it = matches!(
                outcome,
                Ok(Stored::Busy) | Err(Trouble::Lost | Trouble::Unanswered | Trouble::Expired | Trouble::Nobody)
            );
            if !is_worth_it || !browser::is_online() {
                break;
            }
            browser::sleep(PAUSE_MILLIS).await;
        }
        match outcome {
            Ok(Stored::Yes) => Ok(()),
            Ok(Stored::InboxIsFull) => Err(format!(
                "Not delivered: the inbox of {} is full of your requests. They see the others first; there is nothing more to send.",
                self.handle
            )),
            Err(Trouble::MayNotSend) => Err(
                "Not delivered: too much of what you sent is waiting unread, or it was for people who do not exist. You \
                can send again when less is waiting, or after an hour."
                    .to_owned(),
            ),
            Ok(Stored::Busy | Stored::No | Stored::Odd) | Err(Trouble::Nobody) => {
                Err("Not delivered: the broker takes no messages at the moment. Try again in a few minutes.".to_owned())
            }
            Err(trouble) => match explain(trouble, &self.identity).await {
                Some(refusal) => Err(format!("Not delivered. {}", refusal.why)),
                None => {
                    Err("The broker was not reached, or its answer was lost. Check your connection, then try again: \
                    that is safe, the request arrives once."
                        .to_owned())
                }
            },
        }
    }

    async fn deliver(&self, id: &str, envelope: &[u8]) -> Result<Stored, Trouble> {
        let Draft { identity, broker, request, .. } = self;
        let connection = Connection::open(identity, &request.server, broker).await?;
        connection.send(&request.to, id, envelope).await
    }
}

/// Moves what the page brings (`#contact`), for somebody who can ask.
#[island]
pub fn ContactPanel() -> impl IntoView {
    effect(|| {
        spawn(async {
            // Without it there is nobody to ask, as on a server without a broker.
            let _loaded = ask().await;
        });
    });
}

/// Offers to ask. It is part of the program that has the contacts.
#[wasm_split(messages, wasm_split_path = ::leptos::wasm_split, fallible)]
fn ask() -> Result<(), NotLoaded> {
    browser::on_press("contact-lost", |_| spawn(offer()));
    spawn(offer());
    Ok(())
}

async fn offer() {
    mark("contact-lost", "hidden", Some(""));
    let draft = match Draft::for_this_page().await {
        Ok(Some(draft)) => draft,
        // A browser that keeps nothing holds nobody to ask as.
        Ok(None) | Err(Fault::Storage(StorageFault::None)) => return,
        Err(fault) => {
            mark("contact", "data-state", Some("unavailable"));
            mark("contact-lost", "hidden", None);
            return tell("contact-unavailable", fault.advice());
        }
    };
    tell("contact-from", draft.identity.handle.as_str());
    tell("contact-to", draft.handle.as_str());
    tell("contact-statement", &draft.request.signing_input(draft.identity.chain));
    show("ready", "");
    mark("contact", "hidden", None);
    browser::on_press("contact", move |_| {
        show("working", "");
        let draft = draft.clone();
        spawn(async move {
            match draft.send().await {
                Ok(()) => show(
                    "delivered",
                    &format!(
                        "Delivered. {} sees it when they open their identity page, also if they are away now. \
                         Nothing tells you what they decide.",
                        draft.handle
                    ),
                ),
                Err(advice) => show("failed", &advice),
            }
        });
    });
}

/// Shows how far it is. A button that is off cannot be pressed twice.
fn show(state: &str, says: &str) {
    let when = |wanted: &str, says| if state == wanted { says } else { "" };
    mark("contact", "data-state", Some(state));
    mark("contact-send", "disabled", (state == "working").then_some(""));
    mark("contact-send", "hidden", (state == "delivered").then_some(""));
    tell("contact-send", if state == "failed" { "Try again" } else { "Send a contact request" });
    tell("contact-progress", when("working", "Signing and sending…"));
    tell("contact-note", when("delivered", says));
    tell("contact-error", when("failed", says));
}
