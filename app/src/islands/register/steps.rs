//! How the four steps look.

use kez_core::KeyId;
use leptos::prelude::*;
use web_sys::SubmitEvent;

use super::super::bind::{act, flag, says, says_one, text, word};
use super::super::handle_answer::{Answer, HandleField, understood};
use super::act::Act;
use super::flow::Flow;
use super::step::Step;
use crate::components::{grouped, picture};
use crate::place::server_name;

/// `open` while the person is at `step`, `over` after it, `waiting` before.
fn state(flow: Flow, step: Step) -> Signal<String> {
    word(move || match flow.step.get() {
        at if at == step => "open",
        at if at > step => "over",
        _ => "waiting",
    })
}

fn key(flow: Flow) -> Option<KeyId> {
    flow.identity.with(|identity| identity.as_ref().map(|identity| identity.key))
}

#[component]
pub(super) fn Name(flow: Flow) -> impl IntoView {
    let fqhn = says(move || format!("{}@{}", understood(flow.name), server_name()));
    let submit: Box<dyn FnMut(SubmitEvent) + Send> = Box::new(move |event| {
        event.prevent_default();
        flow.act(Act::Choose);
    });
    view! {
        <li id="step-name" class="step" data-state=state(flow, Step::Name)>
            <div class="step-line">
                <h2>"Name"</h2>
                <span class="step-result" translate="no" inner_html=fqhn></span>
                <button
                    type="button"
                    class="link"
                    hidden=flag(move || flow.step.get() != Step::Sign || !flow.busy.get().is_empty())
                    on:click=act(move || flow.go(Step::Name))
                >
                    "Change the name"
                </button>
            </div>
            <form class="step-body" method="get" action="/register" on:submit=submit>
                <HandleField name=flow.name answer=flow.answer />
                <button class="button" type="submit" disabled=flag(move || !flow.answer.with(Answer::is_free))>
                    "Continue"
                </button>
            </form>
        </li>
    }
}

#[component]
pub(super) fn Keys(flow: Flow) -> impl IntoView {
    view! {
        <li id="step-keys" class="step" data-state=state(flow, Step::Keys)>
            <div class="step-line">
                <h2 id="keys-title" tabindex="-1">"Keys"</h2>
                <span class="step-result">"Created on this device"</span>
            </div>
            <div class="step-key" hidden=flag(move || key(flow).is_none())>
                <span inner_html=text(move || key(flow).as_ref().map(picture).unwrap_or_default())></span>
                <code
                    id="register-key"
                    class="key"
                    translate="no"
                    inner_html=text(move || key(flow).as_ref().map(grouped).unwrap_or_default())
                ></code>
            </div>
        </li>
    }
}

#[component]
pub(super) fn Sign(flow: Flow) -> impl IntoView {
    let statement = move || Some(flow.statement()?.signing_input(key(flow)?));
    let server = server_name();
    let label = move || if flow.trouble.with(String::is_empty) { "Sign and register" } else { "Try again" };
    view! {
        <li id="step-sign" class="step" data-state=state(flow, Step::Sign)>
            <div class="step-line">
                <h2 id="sign-title" tabindex="-1">"Sign"</h2>
                <span class="step-result">"signed by your key"</span>
            </div>
            <div class="step-body">
                <p>
                    "You sign that the name "<strong translate="no" inner_html=says(move || understood(flow.name))></strong>
                    " on "<span translate="no">{server}</span>
                    " is yours. Anyone can check that signature; nobody else can make it."
                </p>
            </div>
            <details class="step-details">
                <summary>"The exact text that is signed"</summary>
                <pre
                    id="statement"
                    tabindex="0"
                    translate="no"
                    inner_html=says(move || statement().unwrap_or_default())
                ></pre>
            </details>
            <div class="step-body">
                <button
                    class="button"
                    type="button"
                    disabled=flag(move || !flow.busy.get().is_empty())
                    on:click=act(move || flow.act(Act::Sign))
                    inner_html=says_one(label)
                ></button>
            </div>
        </li>
    }
}

#[component]
pub(super) fn Done(flow: Flow) -> impl IntoView {
    let fqhn = says(move || format!("{}@{}", understood(flow.name), server_name()));
    let profile = text(move || format!("/@{}", understood(flow.name)));
    view! {
        <li id="step-done" class="step" data-state=state(flow, Step::Done)>
            <div class="step-line">
                <h2 id="done-title" tabindex="-1">"Done"</h2>
            </div>
            <div class="step-body">
                <p>
                    <strong translate="no" inner_html=fqhn></strong>
                    " is yours. Anyone who opens your profile can check it."
                </p>
                <p>
                    "Your key is in this browser and nowhere else. The words below are the way back if this browser is lost or stolen: write them down now, or "
                    <a href="/identity">"Keep it safe later"</a>"."
                </p>
                <p class="actions">
                    <a class="button secondary" href=profile>"Open your profile"</a>
                </p>
            </div>
        </li>
    }
}
