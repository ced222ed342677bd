//! The devices of an identity: listed, named, added by a code, removed.
//!
//! For tests: `#devices`; each key is `#devices-list > li` with `data-key` and `data-role` `primary`, `device` or
//! `recovery`; buttons `Save name`, `It is lost or stolen`, `It is no longer used`. Adding: the form `#devices-add` with
//! the field `#device-code`, button `Look it up`; what was found is `#device-offer` with the new key's picture, buttons
//! `The pictures are the same: add it` and `Cancel`. `#devices-error` has `role=alert`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::KeyId;
use kez_core::sigchain::{Body, Offer, RevokeReason};
use web_sys::Element;

use super::fetch::Trouble;
use super::markup::{button, escape, key, theirs};
use super::own::{self, Own};
use super::pairing;
use crate::browser::{self, draw, focus, mark, put, tell, value_of};
use crate::components::picture;
use crate::task::spawn;
use crate::vault;

thread_local! {
    /// What was found by its code, and waits for a decision.
    static OFFER: RefCell<Option<Offer>> = const { RefCell::new(None) };
    static LISTENS: Cell<bool> = const { Cell::new(false) };
}

/// Hears the section's buttons.
pub(super) fn listen() {
    if LISTENS.replace(true) {
        return;
    }
    browser::on_press("devices", |button| spawn(pressed(button)));
    // A camera that read the other browser's code leads here.
    take_code();
    browser::on_fragment(take_code);
    browser::on_submit("devices-add", || {
        spawn(async {
            if let Some(own) = own::shown() {
                find(&own).await;
            }
        });
    });
}

/// Fills in the code that the page was opened with.
fn take_code() {
    if let Some(code) = browser::fragment().strip_prefix("add=") {
        put("device-code", code);
    }
}

/// Draws what the chain says of devices.
pub(super) async fn show(own: &Rc<Own>) {
    let Own { identity, fetched } = &**own;
    let names = vault::names(&identity.key).await.unwrap_or_default();
    let fetched = fetched.borrow();
    let Some(state) = fetched.chain.state() else { return mark("devices", "hidden", Some("")) };
    let may_manage = state.rotation_keys.contains(&identity.key);
    let item = |key: &KeyId, role: &str| {
        let name = names.get(key);
        let is_here = *key == identity.key;
        let plain = match role {
            "primary" if is_here => "This browser",
            "primary" => "The identity's key, in another browser",
            "recovery" => "A recovery key, kept as words",
            _ if is_here => "This browser",
            _ => "A device",
        };
        let title = name.map_or_else(|| plain.to_owned(), |name| theirs(name));
        let here = if is_here && name.is_some() { " <span class=\"quiet\">this browser</span>" } else { "" };
        let digits = &key.hex()[..8];
        let rename = format!(
            "<details><summary>Name it</summary><p class=\"actions\"><input id=\"name-{digits}\" type=\"text\" maxlength=\"40\" \
             aria-label=\"Name of the key {digits}\" value=\"{}\">{}</p></details>",
            name.map(|name| escape(name)).unwrap_or_default(),
            button("button secondary", "name", &key.to_string(), "Save name"),
        );
        let remove = if role == "device" && (may_manage || is_here) {
            format!(
                "<details><summary>Remove it</summary><p class=\"quiet\">At once, and for good: its key never counts again.</p><p class=\"actions\">{}{}</p></details>",
                button("button secondary", "lost", &key.to_string(), "It is lost or stolen"),
                button("button secondary", "retired", &key.to_string(), "It is no longer used"),
            )
        } else {
            String::new()
        };
        format!(
            "<li data-key=\"{key}\" data-role=\"{role}\"><span>{}</span><div><p><strong>{title}</strong>{here}</p>\
             <p class=\"quiet\"><code translate=\"no\">{digits}…</code></p>{rename}{remove}</div></li>",
            picture(key)
        )
    };
    let recovery = state.rotation_keys.iter().filter(|key| **key != state.primary);
    let items = std::iter::once(item(&state.primary, "primary"))
        .chain(state.devices.keys().map(|key| item(key, "device")))
        .chain(recovery.map(|key| item(key, "recovery")));
    draw("devices-list", &items.collect::<String>());
    // Only the primary gives the handle back.
    mark("release", "hidden", (state.primary != identity.key).then_some(""));
    mark("devices-add", "hidden", (!may_manage).then_some(""));
    mark("devices", "hidden", None);
}

async fn pressed(button: Element) {
    let Some(own) = own::shown() else { return };
    let about = button.get_attribute("data-about").unwrap_or_default();
    tell("devices-error", "");
    let done = match button.get_attribute("data-do").as_deref() {
        Some("name") => name(&own, &about).await,
        Some("lost") => remove(&own, &about, RevokeReason::Lost).await,
        Some("retired") => remove(&own, &about, RevokeReason::Retired).await,
        Some("add") => add(&own).await,
        Some("cancel") => {
            forget_offer();
            Ok(())
        }
        _ => Ok(()),
    };
    tell("devices-progress", "");
    if let Err(trouble) = done {
        tell("devices-error", &trouble.advice());
    }
}

async fn name(own: &Rc<Own>, about: &str) -> Result<(), Trouble> {
    let Ok(which) = about.parse::<KeyId>() else { return Ok(()) };
    vault::name_devices(&own.identity.key, which, &value_of(&format!("name-{}", &which.hex()[..8]))).await?;
    show(own).await;
    focus("devices-title");
    Ok(())
}

async fn remove(own: &Rc<Own>, about: &str, reason: RevokeReason) -> Result<(), Trouble> {
    let Ok(which) = about.parse::<KeyId>() else { return Ok(()) };
    sign(own, &Body::RevokeKey { key: which, reason }).await?;
    tell("devices-note", "It was removed. It loses its connection within seconds.");
    focus("devices-title");
    Ok(())
}

/// Looks up the offer whose code was typed.
async fn find(own: &Rc<Own>) {
    tell("devices-error", "");
    tell("devices-note", "");
    forget_offer();
    let found = pairing::find(&value_of("device-code")).await;
    match found {
        Err(failure) if failure.code() == Some(kez_core::Code::NotFound) => tell(
            "devices-error",
            "There is no offer with this code. Codes last ten minutes: compare it with what the other browser shows now.",
        ),
        Err(failure) => tell("devices-error", &failure.advice()),
        Ok(offer) if offer.place().chain != own.fetched.borrow().chain.id() => {
            tell("devices-error", "That browser asks to be a device of another identity. Nothing was signed.");
        }
        Ok(offer) => {
            draw("device-offer-key", &key(&offer.key()));
            mark("device-offer", "hidden", None);
            OFFER.set(Some(offer));
            focus("device-offer-title");
        }
    }
}

async fn add(own: &Rc<Own>) -> Result<(), Trouble> {
    let Some(offer) = OFFER.with_borrow(Clone::clone) else { return Ok(()) };
    let next = own.fetched.borrow().chain.next();
    if offer.place() != next {
        forget_offer();
        own::reload(own.identity.clone()).await;
        return Err(Trouble::Odd(
            "The log of keys went on since that browser asked. It renews its offer within seconds; look the code up again.",
        ));
    }
    sign(own, &offer.body()).await?;
    forget_offer();
    put("device-code", "");
    tell("devices-note", "The device was added. Give it a name, so that you know it later.");
    focus("devices-title");
    Ok(())
}

/// Signs, and says so meanwhile.
async fn sign(own: &Own, body: &Body) -> Result<(), Trouble> {
    tell("devices-progress", "Signing, and telling the server…");
    own.sign(body).await
}

fn forget_offer() {
    OFFER.set(None);
    mark("device-offer", "hidden", Some(""));
    draw("device-offer-key", "");
}
