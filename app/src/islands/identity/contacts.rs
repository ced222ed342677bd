//! The connection to the server's message broker while this browser holds a registered identity, who asked to be in touch,
//! and who was accepted or declined.
//!
//! For tests: `#connection` with `data-state` `none` (the server has no broker), `connecting`, `connected`, `refused`,
//! `offline` or `retrying`; `#connection-state` says it, `#connection-wait` says ` in <n> s` while retrying,
//! `#connection-why` what there is to know; `#connection-dropped` counts messages that were thrown away;
//! `#connection-too-large` names senders whose logs of keys are too large to be read; button `Try now`.
//! `#requests` with `data-state` `loading`, `empty`, `some` or `unavailable` (button `Try again`); each person who asks is `#requests li` with
//! `data-key`, each who was decided on is `#contacts li` or `#declined li`. Buttons: `Accept @<handle>`, `Decline @<handle>`;
//! `Decline @<handle> after all` of a contact; `Ask me again about @<handle>` of a declined one. `#contacts-error` has
//! `role=alert`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::KeyId;
use leptos::wasm_split::wasm_split;
use web_sys::Element;

use crate::broker::{Link, Session, State, View};
use crate::browser::{self, Bell, Channel, mark, tell};
use crate::chain::NotLoaded;
use crate::components::{day, grouped, picture};
use crate::contacts::{self, Person, Standing};
use crate::place::{broker, server_name};
use crate::task::spawn;
use crate::vault::Identity;

/// What runs for one identity.
struct Running {
    _session: Option<Session>,
    _changes: Channel,
}

/// Whose contacts are shown, and what moves them.
#[derive(Default)]
struct Panel {
    listens: Cell<bool>,
    bell: Bell,
    me: Cell<Option<KeyId>>,
    running: RefCell<Option<Running>>,
}

thread_local! {
    static PANEL: Rc<Panel> = Rc::default();
}

/// Keeps connection and lists going for this identity, and for no other any more. It is a program of its own, as chains
/// are ([`crate::chain`]).
#[wasm_split(messages, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(super) fn drive(identity: Option<Identity>) -> Result<(), NotLoaded> {
    let panel = PANEL.with(Rc::clone);
    if !panel.listens.replace(true) {
        let panel = Rc::clone(&panel);
        browser::on_press("messages", move |button| pressed(&button, &panel.bell, panel.me.get()));
    }
    // What ran for another identity, or for one that was given back, is over.
    drop(panel.running.take());
    panel.me.set(identity.as_ref().map(|identity| identity.chain));
    mark("messages", "hidden", identity.is_none().then_some(""));
    let Some(identity) = identity else { return Ok(()) };
    let chain = identity.chain;
    load(chain);
    let _changes = contacts::watch(move || load(chain));
    let _session = match (broker(), server_name().parse()) {
        (Some(broker), Ok(server)) => Some(Session::start(identity, server, broker, panel.bell.clone(), show)),
        _ => {
            show(
                &identity,
                &View { link: Link::plain(State::None), elsewhere: false, dropped: 0, too_large: Vec::new() },
            );
            None
        }
    };
    panel.running.replace(Some(Running { _session, _changes }));
    Ok(())
}

/// One of the buttons was pressed: it carries the key of whom it is about, and what is decided.
fn pressed(button: &Element, bell: &Bell, me: Option<KeyId>) {
    let key = button.get_attribute("data-key").and_then(|key| key.parse().ok());
    let standing = button.get_attribute("data-standing").and_then(|standing| Standing::parse(&standing));
    if let Some(me) = me.filter(|_| button.id() == "requests-retry") {
        tell("requests-line", "Looking…");
        tell("contacts-error", "");
        return load(me);
    }
    let (Some(me), Some(key), Some(standing)) = (me, key, standing) else { return bell.ring() };
    spawn(async move {
        if let Err(fault) = contacts::decide(&me, &key, standing).await {
            return tell("contacts-error", &contacts::advice(fault));
        }
        show_people(&me).await;
        // The button is gone; the keyboard goes where its person went.
        browser::focus(&format!("{}-title", list_of(standing)));
    });
}

/// Shows the connection.
fn show(identity: &Identity, view: &View) {
    let View { link, elsewhere, dropped, too_large } = view;
    let elsewhere = if *elsewhere { ", in another tab" } else { "" };
    let (says, advice) = match link.state {
        State::None => {
            ("This server has no message broker".to_owned(), "Contact requests need one. Everything else works.")
        }
        State::Connecting => (format!("Connecting…{elsewhere}"), ""),
        State::Connected => (
            format!("Connected as @{}{elsewhere}", identity.handle),
            match &*link.why {
                "" => "Contact requests reach you while this page is open, and wait for you while it is not.",
                why => why,
            },
        ),
        State::Refused => ("The broker does not let this key in".to_owned(), &*link.why),
        State::Offline => ("Offline".to_owned(), "This device has no network. The connection comes back with it."),
        State::Retrying => (
            "Not connected, trying again".to_owned(),
            match &*link.why {
                "" => "The broker was not reached. Nothing is lost: what is sent to you waits there.",
                why => why,
            },
        ),
    };
    mark("connection", "data-state", Some(link.state.as_str()));
    tell("connection-state", &says);
    tell("connection-why", advice);
    let wait = if link.wait_secs == 0 { String::new() } else { format!(" in {} s", link.wait_secs) };
    tell("connection-wait", &wait);
    tell(
        "connection-dropped",
        &match dropped {
            0 => String::new(),
            1 => "1 message that proved nothing was thrown away.".to_owned(),
            many => format!("{many} messages that proved nothing were thrown away."),
        },
    );
    let noted: String = too_large
        .iter()
        .map(|key| {
            format!(" {key} asked to be in touch, and has a log of keys that is larger than this page reads: nothing of it was verified or kept.")
        })
        .collect();
    tell("connection-too-large", &noted);
    let can_try = !view.elsewhere && matches!(link.state, State::Refused | State::Retrying);
    mark("connection-retry", "hidden", (!can_try).then_some(""));
}

fn load(me: KeyId) {
    spawn(async move { show_people(&me).await });
}

/// Shows everybody who asked.
async fn show_people(me: &KeyId) {
    let people = match contacts::people(me).await {
        Ok(people) => people,
        Err(fault) => {
            mark("requests", "data-state", Some("unavailable"));
            tell("requests-line", "");
            mark("requests-retry", "hidden", None);
            return tell("contacts-error", &contacts::advice(fault));
        }
    };
    mark("requests-retry", "hidden", Some(""));
    for standing in [Standing::Asking, Standing::Accepted, Standing::Declined] {
        let those = people.iter().filter(|person| person.standing == standing);
        let list = list_of(standing);
        browser::draw(&format!("{list}-people"), &those.map(card).collect::<String>());
        if standing != Standing::Asking {
            let has_any = people.iter().any(|person| person.standing == standing);
            mark(list, "hidden", (!has_any).then_some(""));
        }
    }
    let is_asked = people.iter().any(|person| person.standing == Standing::Asking);
    mark("requests", "data-state", Some(if is_asked { "some" } else { "empty" }));
    mark("requests-hint", "hidden", (!is_asked).then_some(""));
    tell("requests-line", if is_asked { "" } else { "No requests." });
    tell("contacts-error", "");
}

/// The section that a person of this standing is in.
const fn list_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Asking => "requests",
        Standing::Accepted => "contacts",
        Standing::Declined => "declined",
    }
}

/// A person, as markup. Handles and keys hold no character that means something in it.
fn card(person: &Person) -> String {
    let Person { key, handle, standing, shown, hidden, last_at, .. } = person;
    let mut said = match (standing, shown) {
        (Standing::Asking, 2..) => format!("{shown} requests, the last on {}", day(*last_at)),
        _ => format!("Asked on {}", day(*last_at)),
    };
    if *standing == Standing::Asking && *hidden > 0 {
        said.push_str(&format!("</p><p class=\"quiet\">{hidden} more not shown: they came too fast."));
    }
    let button = |class: &str, chosen: Standing, before: &str, after: &str| {
        let word = chosen.as_str();
        format!(
            "<button type=\"button\" class=\"{class}\" id=\"{word}-{key}\" data-key=\"{key}\" data-standing=\"{word}\">\
             {before} @{handle}{after}</button>"
        )
    };
    let buttons = match standing {
        Standing::Asking => {
            button("button", Standing::Accepted, "Accept", "")
                + &button("button secondary", Standing::Declined, "Decline", "")
        }
        Standing::Accepted => button("link", Standing::Declined, "Decline", " after all"),
        Standing::Declined => button("link", Standing::Asking, "Ask me again about", ""),
    };
    format!(
        "<li data-key=\"{key}\">{}<div><h3><a href=\"/@{handle}\" translate=\"no\">@{handle}</a></h3><code class=\"key\" translate=\"no\">{}\
         </code><p class=\"quiet\">{said}</p><p class=\"actions\">{buttons}</p></div></li>",
        picture(key),
        grouped(key),
    )
}
