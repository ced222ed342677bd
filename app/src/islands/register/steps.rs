//! How the four steps look.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::super::handle_answer::{Answer, HandleField};
use super::flow::{Flow, Step};
use crate::components::{Fingerprint, KeyText};

/// `open` while the person is at `step`, `over` after it, `waiting` before.
fn state(flow: Flow, step: Step) -> &'static str {
    let at = flow.step.get();
    if at == step {
        "open"
    } else if at > step {
        "over"
    } else {
        "waiting"
    }
}

#[component]
pub(super) fn Name(flow: Flow) -> impl IntoView {
    let server = flow.server.get_value();
    let fqhn = {
        let server = server.clone();
        move || format!("{}@{server}", flow.name.get())
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        flow.choose();
    };
    view! {
        <li id="step-name" class="step" data-state=move || state(flow, Step::Name)>
            <div class="step-line">
                <h2>"Name"</h2>
                <span class="step-result">{fqhn}</span>
                <button
                    type="button"
                    class="link"
                    hidden=move || flow.step.get() != Step::Sign || flow.busy.get().is_some()
                    on:click=move |_| flow.go(Step::Name)
                >
                    "Change the name"
                </button>
            </div>
            <form class="step-body" method="get" action="/register" on:submit=submit>
                <HandleField name=flow.name answer=flow.answer server />
                <button class="button" type="submit" disabled=move || !flow.answer.with(Answer::is_free)>
                    "Continue"
                </button>
            </form>
        </li>
    }
}

#[component]
pub(super) fn Keys(flow: Flow) -> impl IntoView {
    let key = Memo::new(move |_| flow.identity.with(|identity| identity.as_ref().map(|identity| identity.key)));
    view! {
        <li id="step-keys" class="step" data-state=move || state(flow, Step::Keys)>
            <div class="step-line">
                <h2 id="keys-title" tabindex="-1">"Keys"</h2>
                <span class="step-result">"made here, sealed, and tested"</span>
            </div>
            <div class="step-key" hidden=move || key.get().is_none()>
                {move || {
                    key.get().map(|key| view! {
                        <Fingerprint key />
                        <KeyText key id="register-key" />
                    })
                }}
            </div>
        </li>
    }
}

#[component]
pub(super) fn Sign(flow: Flow) -> impl IntoView {
    let text = move || {
        let key = flow.identity.with(|identity| identity.as_ref().map(|identity| identity.key))?;
        Some(flow.statement()?.signing_input(key))
    };
    let is_retry = move || flow.trouble.with(Option::is_some);
    view! {
        <li id="step-sign" class="step" data-state=move || state(flow, Step::Sign)>
            <div class="step-line">
                <h2 id="sign-title" tabindex="-1">"Sign"</h2>
                <span class="step-result">"signed by your key"</span>
            </div>
            <div class="step-body">
                <p>
                    "Your key signs one sentence: that it takes the name "
                    <strong>{move || flow.name.get()}</strong>" on "{flow.server.get_value()}
                    ". Anyone can check that signature; nobody else can make it."
                </p>
            </div>
            <details class="step-details">
                <summary>"The exact text that is signed"</summary>
                <pre id="statement" tabindex="0">{move || text().unwrap_or_default()}</pre>
            </details>
            <div class="step-body">
                <button
                    class="button"
                    type="button"
                    disabled=move || flow.busy.get().is_some()
                    on:click=move |_| flow.sign()
                >
                    {move || if is_retry() { "Try again" } else { "Sign and register" }}
                </button>
            </div>
        </li>
    }
}

#[component]
pub(super) fn Done(flow: Flow) -> impl IntoView {
    let handle = move || flow.name.get();
    view! {
        <li id="step-done" class="step" data-state=move || state(flow, Step::Done)>
            <div class="step-line">
                <h2 id="done-title" tabindex="-1">"Done"</h2>
            </div>
            <div class="step-body">
                <p>
                    <strong>{handle}"@"{flow.server.get_value()}</strong>
                    " is yours. Anyone who opens your profile can check it."
                </p>
                <p>
                    "Your key is in this browser and nowhere else. Clearing this site's data loses the key, and the name with it."
                </p>
                <p class="actions">
                    <a class="button" href=move || format!("/@{}", handle())>"Open your profile"</a>
                    <a class="button secondary" href="/identity">"Keep it safe"</a>
                </p>
            </div>
        </li>
    }
}
