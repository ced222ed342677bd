//! `/join`: this browser asks to become a device of an identity that another browser holds. One whose own key is out may be
//! added again: the new key takes the place of that one.
//!
//! For tests: `#join` with `data-state` `loading`, `start`, `offering`, `added`, `held` (this browser holds a key that
//! counts) or `error`; the form `#join-form` with the field `#join-handle`, button `Show a code`; `#join-code` is the code,
//! `#join-key` the new key with its picture, `#join-qr` the code for a camera; `#join-error` has `role=alert`; button
//! `Make a new code` once it has ended.

use kez_core::sigchain::Offer;
use kez_core::{Code, Handle, ServerName};

use super::fetch::{Fetched, Trouble, path, proven};
use super::markup::key;
use super::pairing::{self, Ticket};
use super::standing;
use crate::api::{self, Failure, Holder};
use crate::browser::{self, draw, focus, mark, put, tell, value_of};
use crate::components::qr_code;
use crate::place::server_name;
use crate::task::spawn;
use crate::typed::handle_to_find;
use crate::vault::{self, Identity, Stage};

/// Milliseconds between two looks at the chain.
const PAUSE_MILLIS: i32 = 1_500;
/// Looks before the code has ended, which the relay keeps for ten minutes.
const LOOKS: u32 = 390;

/// Moves the page.
pub(super) fn run() {
    browser::on_submit("join-form", || spawn(start()));
    browser::on_press("join", |button| {
        if button.has_attribute("data-do") {
            spawn(start());
        }
    });
    tell("join-progress", "Looking…");
    spawn(async {
        let waits = match vault::load().await {
            Ok(None) => return to("start"),
            Ok(Some(identity)) if identity.stage == Stage::Joining => Ok(Some(identity)),
            Ok(Some(identity)) if is_out(&identity).await => {
                put("join-handle", identity.handle.as_str());
                vault::prepared().await
            }
            Ok(Some(_)) => return to("held"),
            Err(fault) => Err(fault),
        };
        match waits {
            Ok(Some(identity)) => {
                put("join-handle", identity.handle.as_str());
                start().await;
            }
            Ok(None) => to("start"),
            Err(fault) => failed(fault.advice()),
        }
    });
}

async fn start() {
    let handle = match handle_to_find(&value_of("join-handle")) {
        Ok(handle) => handle,
        Err(why) => return failed(&why),
    };
    to("working");
    match offer(&handle).await {
        Ok(true) => to("added"),
        Ok(false) => failed("The code has ended; nobody used it. Make a new one when the other browser is at hand."),
        Err(trouble) => failed(&trouble.advice()),
    }
    focus("join-title");
}

/// Shows a code until the key was added, or until it ended; whether it was added.
async fn offer(handle: &Handle) -> Result<bool, Trouble> {
    let server: ServerName = server_name().parse().map_err(|_| Failure::Odd)?;
    let (holder, mut fetched) = proven(handle, &server).await?;
    if let Some(held) = vault::load().await?.filter(|held| held.stage != Stage::Joining)
        && (!is_out(&held).await || held.chain != holder.chain)
    {
        return Err(Trouble::Odd(
            "This browser holds a key already, and a browser keeps one. Use another browser profile.",
        ));
    }
    let identity = vault::prepare(handle.clone(), browser::now()).await?;
    if fetched.chain.head().is_none() {
        return Err(Trouble::Odd(
            "This identity has no recovery words yet. Make them first, on the browser that holds it, under “Your identity”.",
        ));
    }
    if fetched.chain.state().is_some_and(|state| !state.active) {
        return Err(Trouble::Odd("This identity was ended by its owner. No browser can be added to it."));
    }
    if is_device(&fetched, &identity) {
        return adopt(&identity, &holder).await;
    }
    let ticket = match pairing::leave(&prove(&fetched, &identity).await?).await {
        Err(Failure::Refused { code: Code::ChainConflict, .. }) => return Err(Trouble::MovedOn),
        left => left?,
    };
    show(&ticket, &identity);
    for _ in 0..LOOKS {
        browser::sleep(PAUSE_MILLIS).await;
        // A line that is down for a while is up again later; the code lasts.
        let Ok(true) = has_moved(&fetched).await else { continue };
        let (now_holder, now) = match proven(handle, &server).await {
            Err(Trouble::Api(Failure::Offline) | Trouble::MovedOn) => continue,
            looked => looked?,
        };
        if is_device(&now, &identity) {
            return adopt(&identity, &now_holder).await;
        }
        match pairing::renew(&ticket, &prove(&now, &identity).await?).await {
            // It went on once more: looked at again, like a line that was down.
            Err(Failure::Offline | Failure::Refused { code: Code::ChainConflict, .. }) => {}
            renewed => {
                renewed?;
                fetched = now;
            }
        }
    }
    Ok(false)
}

/// Whether this browser's key was in use for an identity, and counts no more.
async fn is_out(held: &Identity) -> bool {
    held.stage == Stage::Registered && standing::counts_still(held).await == Some(false)
}

async fn prove(fetched: &Fetched, identity: &Identity) -> Result<Offer, Trouble> {
    let secret = vault::open(&identity.key).await?;
    Offer::new(&fetched.chain.next(), &secret, None).ok_or(Trouble::Odd("The log of keys has not begun."))
}

fn is_device(fetched: &Fetched, identity: &Identity) -> bool {
    fetched.chain.state().is_some_and(|state| state.devices.contains_key(&identity.key))
}

async fn has_moved(fetched: &Fetched) -> Result<bool, Failure> {
    let chain = &fetched.chain;
    let answer = browser::get(&format!("{}/head", path(&chain.id())), None).await?;
    if answer.status != 200 {
        return Err(api::refusal(&answer));
    }
    let members = api::object(&answer.body).ok_or(Failure::Odd)?;
    Ok(api::text(&members, "hash") != chain.head().map(|head| head.hash.to_string()).as_deref())
}

/// The identity is this browser's, too.
async fn adopt(identity: &Identity, holder: &Holder) -> Result<bool, Trouble> {
    let (chain, primary, registered_at) = (holder.chain, holder.primary, Some(holder.registered_at));
    let identity = Identity { stage: Stage::Registered, chain, primary, registered_at, ..identity.clone() };
    vault::settle(&identity).await?;
    tell("join-name", &format!("{}@{}", identity.handle, server_name()));
    Ok(true)
}

fn show(ticket: &Ticket, identity: &Identity) {
    tell("join-code", &ticket.code);
    draw("join-key", &key(&identity.key));
    let link = browser::origin().map(|origin| format!("{origin}/identity#add={}", ticket.code));
    draw("join-qr", &link.and_then(|link| qr_code(&link, "QR code of the code above")).unwrap_or_default());
    to("offering");
    focus("join-title");
}

fn failed(advice: &str) {
    to("error");
    tell("join-error", advice);
}

fn to(state: &str) {
    mark("join", "data-state", Some(state));
    tell("join-error", "");
    tell(
        "join-progress",
        match state {
            "working" => "Making a key and proving it…",
            "offering" => "Waiting for the other browser…",
            _ => "",
        },
    );
    for (id, states) in [
        ("join-start", &["start", "error", "working"][..]),
        ("join-offer", &["offering"]),
        ("join-added", &["added"]),
        ("join-held", &["held"]),
    ] {
        mark(id, "hidden", (!states.contains(&state)).then_some(""));
    }
}
