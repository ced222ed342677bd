//! A button that copies a text. Hidden until it works.
//!
//! For tests: `button.copy`, named `Copy the <what>`; `data-state` is `idle`, `copied` or `failed`.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser;

/// Copies `text`, and says for two seconds whether the browser let it.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What it is called.
    what: String,
) -> impl IntoView {
    let state = RwSignal::new("idle");
    let alive = RwSignal::new(false);
    Effect::new(move || alive.set(true));
    let copy = move |_| {
        let text = text.clone();
        spawn_local(async move {
            state.set(if browser::copy(&text).await { "copied" } else { "failed" });
            browser::sleep(2000).await;
            state.set("idle");
        });
    };
    let label = move || match state.get() {
        "copied" => "Copied",
        "failed" => "Select it by hand",
        _ => "Copy",
    };
    view! {
        <button
            type="button"
            class="copy"
            hidden=move || !alive.get()
            data-state=move || state.get()
            aria-label=format!("Copy the {what}")
            on:click=copy
        >
            <span aria-hidden="true">{label}</span>
        </button>
        <span class="visually-hidden" role="status">
            {move || if state.get() == "idle" { "" } else { label() }}
        </span>
    }
}
