//! Registering: name, keys, sign, done. Each step collapses to a line when it is over.
//!
//! For tests: `#register` with `data-step` `name`, `keys`, `sign`, `done`, `held` (this browser holds a registered
//! identity already) or `broken` (this browser cannot keep a key), and `data-state` `idle`, `working` or `error`. Steps
//! are `#step-name`, `#step-keys`, `#step-sign`, `#step-done`, each with `data-state` `open`, `over` or `waiting`.
//! Buttons: `Continue`, `Change the name`, `Sign and register` (`Try again` after a failure). `#register-error` has
//! `role=alert`, `#register-progress` is a live region, `#statement` is the exact text that is signed. Links of the last
//! step: `Open your profile`, `Keep it safe`; of `#register-held`: `Your identity`.

mod flow;
mod steps;

use leptos::prelude::*;

use self::flow::{Flow, Step};
use self::steps::{Done, Keys, Name, Sign};

/// The four steps.
#[island]
pub fn RegisterFlow(
    /// The server's name.
    server: String,
    /// The handle that the person came with.
    handle: String,
) -> impl IntoView {
    let flow = Flow::new(server, handle);
    Effect::new(move || flow.resume());
    let state = move || {
        if flow.trouble.with(Option::is_some) {
            "error"
        } else if flow.busy.get().is_some() {
            "working"
        } else {
            "idle"
        }
    };
    let held = move || flow.identity.get().map(|identity| identity.handle.to_string()).unwrap_or_default();
    view! {
        <section
            id="register"
            aria-label="Registration"
            data-step=move || flow.step.get().as_str()
            data-state=state
        >
            <div id="register-held" class="card" hidden=move || flow.step.get() != Step::Held>
                <h2 id="held-title" tabindex="-1">{move || format!("This browser already holds {}", held())}</h2>
                <p>"A browser keeps one identity. Use another browser or browser profile for a second handle."</p>
                <p class="actions">
                    <a class="button" href="/identity">"Your identity"</a>
                    <a class="button secondary" href=move || format!("/@{}", held())>"Your profile"</a>
                </p>
            </div>
            <ol class="steps" hidden=move || matches!(flow.step.get(), Step::Held | Step::Broken)>
                <Name flow />
                <Keys flow />
                <Sign flow />
                <Done flow />
            </ol>
            <p id="register-progress" class="progress" role="status">{move || flow.busy.get().unwrap_or_default()}</p>
            <p class="note" role="status">{move || flow.note.get().unwrap_or_default()}</p>
            <p id="register-error" class="alarm" role="alert">{move || flow.trouble.get().unwrap_or_default()}</p>
        </section>
    }
}
