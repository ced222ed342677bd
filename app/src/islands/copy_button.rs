//! A button that copies a text that the page shows. Hidden until it works.
//!
//! For tests: `button.copy`, named `Copy the key`; `data-state` is `idle`, `copied` or `failed`.

use leptos::prelude::*;

use super::bind::{act, effect, flag, says_one, word};
use super::var::Var;
use crate::browser;
use crate::task::spawn;

/// Copies the profile's key.
#[island]
pub fn CopyProfileKey() -> impl IntoView {
    view! { <CopyButton of="profile-key" /> }
}

/// Copies the text of an element, and says for two seconds whether the browser let it.
#[component]
pub(super) fn CopyButton(
    /// The element's id.
    of: &'static str,
) -> impl IntoView {
    let state = Var::new("idle");
    let alive = Var::new(false);
    effect(move || alive.set(true));
    let copy = act(move || {
        spawn(async move {
            let copied = match browser::text_of(of) {
                Some(text) => browser::copy(text.trim()).await,
                None => false,
            };
            state.set(if copied { "copied" } else { "failed" });
            browser::sleep(2000).await;
            state.set("idle");
        });
    });
    let label = move || match state.get() {
        "copied" => "Copied",
        "failed" => "Select it by hand",
        _ => "Copy",
    };
    view! {
        <button
            type="button"
            class="copy"
            hidden=flag(move || !alive.get())
            data-state=word(move || state.get())
            aria-label="Copy the key"
            on:click=copy
        >
            <span aria-hidden="true" inner_html=says_one(label)></span>
        </button>
        <span
            class="visually-hidden"
            role="status"
            inner_html=says_one(move || if state.get() == "idle" { "" } else { label() })
        ></span>
    }
}
