//! What this browser holds, said plainly; the dangerous things apart, below.
//!
//! For tests: `#identity` with `data-state` `loading`, `empty`, `made`, `registered`, `released` or `unavailable`. The
//! name is `#identity-name`, the identity's key `#identity-key`; `#identity-proven` with `data-state` `checking`, `opened` (it
//! works; whether it counts is not known), `proven`, `out` (it does not count any more) or `broken` says whether this
//! browser can sign; `#identity-error` (button `Try again`) and `#standing` (the key no longer owns its handle) have
//! `role=alert`. See [`contacts`], [`release`] and [`forget`] for the rest. Links: `Register a handle`
//! (empty), `Go on registering` (made), `Open your profile` (registered), `Take @<handle> again` (released).

mod contacts;
mod forget;
mod held;
mod release;

use leptos::prelude::*;
use leptos::wasm_split::wasm_split;

use self::forget::Forget;
use self::held::{Held, of, said};
use self::release::Release;
use super::bind::{act, effect, flag, says_one, text, word};
use super::copy_button::CopyButton;
use super::live::Live;
use super::var::Var;
use crate::browser::{self, mark, tell};
use crate::chain::{self, NOT_LOADED, NotLoaded};
use crate::components::{day, grouped, picture};
use crate::place::server_name;
use crate::task::spawn;
use crate::vault::{self, Identity, Stage};

/// Reads the vault and shows it.
#[island]
pub fn IdentityPanel(
    /// What is about contacts, which the page brings.
    children: Children,
) -> impl IntoView {
    let held = Var::new(Held::Loading);
    let proven = Var::new("checking");
    effect(move || {
        let identity = held.with(|held| held.identity().filter(|held| held.stage == Stage::Registered).cloned());
        spawn(show_all(identity));
    });
    let begin = move || {
        spawn(async move {
            if look(held, proven).await.is_err() {
                tell("identity-error", NOT_LOADED);
            }
        });
    };
    effect(begin);
    let again = move || {
        held.set(Held::Loading);
        // The button is gone with what it was about.
        browser::focus("identity-progress");
        begin();
    };
    let trouble = text(move || match held.get() {
        Held::Unavailable(fault) => fault.advice().to_owned(),
        _ => String::new(),
    });
    let waiting = text(move || held.with(|held| if *held == Held::Loading { "Looking…" } else { "" }).to_owned());
    view! {
        <div id="identity" data-state=word(move || held.with(Held::state))>
            <Live id="identity-progress" kind="progress" says=waiting />
            <Live id="identity-error" kind="alarm" says=trouble />
            <p class="actions" hidden=flag(move || held.with(|held| !matches!(held, Held::Unavailable(_))))>
                <button id="identity-retry" type="button" class="button" on:click=act(again)>"Try again"</button>
            </p>
            <section class="card" hidden=flag(move || held.with(|held| *held != Held::Nothing))>
                <h2 id="no-identity" tabindex="-1">"This browser holds no key"</h2>
                <p>
                    "Make one by registering a handle; it takes a minute. If you have an identity in another browser, add this one to it. If that browser is gone, its recovery words get the identity back."
                </p>
                <p class="actions">
                    <a class="button" href="/register">"Register a handle"</a>
                    <a class="button secondary" href="/join">"Add this browser"</a>
                    <a class="button secondary" href="/recover">"Use recovery words"</a>
                </p>
            </section>
            <div class="stack" hidden=flag(move || held.with(|held| held.identity().is_none()))>
                <Card held proven />
                {children()}
                <section class="danger" aria-labelledby="danger-title">
                    <h2 id="danger-title">"Dangerous things"</h2>
                    <Release held />
                    <Forget held />
                </section>
            </div>
        </div>
    }
}

/// Shows what is about an identity that is registered; hides it where there is none.
async fn show_all(identity: Option<Identity>) {
    if identity.is_none() {
        for section in ["backup", "devices", "claims"] {
            mark(section, "hidden", Some(""));
        }
        tell("standing", "");
    }
    let chain = async {
        match identity.clone() {
            Some(identity) => chain::own(identity).await,
            None => Ok(()),
        }
    };
    if contacts::drive(identity.clone()).await.is_err() || chain.await.is_err() {
        tell("standing", NOT_LOADED);
        tell("identity-proven", "");
    }
}

/// What is held, and whether it can be opened and used.
#[wasm_split(keys, wasm_split_path = ::leptos::wasm_split, fallible)]
fn look(held: Var<Held>, proven: Var<&'static str>) -> Result<(), NotLoaded> {
    spawn(async move {
        let (now_held, works) = match vault::load().await {
            Ok(Some(identity)) => {
                let works = vault::prove(&identity).await.is_ok();
                (Held::Identity(identity), works)
            }
            Ok(None) => (Held::Nothing, false),
            Err(fault) => (Held::Unavailable(fault), false),
        };
        held.set(now_held);
        proven.set(if works { "proven" } else { "broken" });
    });
    Ok(())
}

#[component]
fn Card(held: Var<Held>, proven: Var<&'static str>) -> impl IntoView {
    // Whether a key that is registered counts, its chain says (`chain::own`).
    let state = move || match proven.get() {
        "proven" if held.with(|held| held.state() == Stage::Registered.as_str()) => "opened",
        state => state,
    };
    let proof = says_one(move || match state() {
        "proven" => "Opened and tested just now: this browser can sign.",
        "opened" => "Opened and tested just now. Finding out whether it still counts…",
        "broken" => "This browser holds the key's record, but cannot open it any more. Do not rely on it.",
        _ => "Testing the key…",
    });
    let title = said(held, move |identity| {
        let name = format!("{}@{}", identity.handle, server_name());
        match identity.stage {
            Stage::Made => format!("A key reserved for {name} (not registered)"),
            Stage::Registered => name,
            Stage::Released => format!("A key that released {name}"),
            Stage::Joining => format!("A key that asks to be a device of {name}"),
        }
    });
    let next = said(held, |identity| match identity.stage {
        Stage::Made => "Go on registering".to_owned(),
        Stage::Registered => "Open your profile".to_owned(),
        Stage::Released => format!("Take @{} again", identity.handle),
        Stage::Joining => "Go on adding this browser".to_owned(),
    });
    let link = of(held, |identity| match identity.stage {
        Stage::Registered => format!("/@{}", identity.handle),
        Stage::Made | Stage::Released => format!("/register?handle={}", identity.handle),
        Stage::Joining => "/join".to_owned(),
    });
    let since = said(held, |identity| {
        let made = format!("Key made {}", day(identity.made_at));
        match identity.registered_at {
            Some(registered) => format!("{made}, name registered {}", day(registered)),
            None => made,
        }
    });
    view! {
        <section class="card profile" aria-labelledby="identity-name">
            <div class="profile-head">
                // The identity's, which others compare; that of a device is among the devices.
                <span id="identity-picture" inner_html=of(held, |identity| picture(&identity.primary))></span>
                <div>
                    <h2 id="identity-name" tabindex="-1" inner_html=title></h2>
                    <p class="quiet" inner_html=since></p>
                </div>
            </div>
            <h3 class="label">"Key"</h3>
            <div class="key-row">
                <code
                    id="identity-key"
                    class="key"
                    translate="no"
                    inner_html=of(held, |identity| grouped(&identity.primary))
                ></code>
                <CopyButton of="identity-key" />
            </div>
            <p id="identity-proven" class="quiet" role="status" data-state=word(state) inner_html=proof></p>
            <p class="actions">
                <a class="button" href=link inner_html=next></a>
            </p>
        </section>
    }
}
