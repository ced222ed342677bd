//! Registering: name, keys, sign, done. Each step collapses to a line when it is over.
//!
//! For tests: `#register` with `data-step` `name`, `keys`, `sign`, `done`, `held` (this browser holds a registered
//! identity already) or `broken` (this browser cannot keep a key; button `Try again`), and `data-state` `idle`, `working` or `error`. Steps
//! are `#step-name`, `#step-keys`, `#step-sign`, `#step-done`, each with `data-state` `open`, `over` or `waiting`.
//! Buttons: `Continue`, `Change the name`, `Sign and register` (`Try again` after a failure). `#register-error` has
//! `role=alert`, `#register-progress` and `#register-note` are live regions, `#statement` is the exact text that is signed. Links of the last
//! step: `Open your profile`, `Keep it safe`; of `#register-held`: `Your identity`.

mod act;
mod flow;
mod step;
mod steps;

use leptos::prelude::*;

use self::flow::Flow;
use self::step::Step;
use self::steps::{Done, Keys, Name, Sign};
use super::bind::{act, effect, flag, says, text, word};
use super::live::Live;
use crate::browser;
use crate::task::spawn;

/// The four steps.
#[island]
pub fn RegisterFlow() -> impl IntoView {
    let flow = Flow::new();
    effect(move || flow.begin());
    let again = move || {
        // The button is gone with what it was about.
        browser::focus("register-progress");
        flow.begin();
    };
    // What went wrong is said below the steps, which on a small screen is out of sight of the button that was pressed.
    effect(move || {
        if flow.trouble.with(|trouble| !trouble.is_empty()) {
            spawn(async {
                // The keyboard may move first, and the page with it.
                browser::sleep(40).await;
                browser::reveal("register-error");
            });
        }
    });
    let state = word(move || {
        if flow.trouble.with(|trouble| !trouble.is_empty()) {
            "error"
        } else if flow.busy.get().is_empty() {
            "idle"
        } else {
            "working"
        }
    });
    let held = move || {
        flow.identity.with(|identity| identity.as_ref().map(|identity| identity.handle.to_string())).unwrap_or_default()
    };
    view! {
        <section
            id="register"
            aria-label="Registration"
            data-step=word(move || flow.step.get().as_str())
            data-state=state
        >
            <div id="register-held" class="card" hidden=flag(move || flow.step.get() != Step::Held)>
                <h2
                    id="held-title"
                    tabindex="-1"
                    inner_html=says(move || format!("This browser already holds {}", held()))
                ></h2>
                <p>"A browser keeps one identity. Use another browser or browser profile for a second handle."</p>
                <p class="actions">
                    <a class="button" href="/identity">"Your identity"</a>
                    <a class="button secondary" href=text(move || format!("/@{}", held()))>"Your profile"</a>
                </p>
            </div>
            <p class="actions" hidden=flag(move || flow.step.get() != Step::Broken)>
                <button id="register-retry" type="button" class="button" on:click=act(again)>
                    "Try again"
                </button>
            </p>
            <ol class="steps" hidden=flag(move || matches!(flow.step.get(), Step::Held | Step::Broken))>
                <Name flow />
                <Keys flow />
                <Sign flow />
                <Done flow />
            </ol>
            <Live id="register-progress" kind="progress" says=text(move || flow.busy.get()) />
            <Live id="register-note" kind="note" says=text(move || flow.note.get()) />
            <Live id="register-error" kind="alarm" says=text(move || flow.trouble.get()) />
        </section>
    }
}
