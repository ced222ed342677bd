//! Forgetting the key.
//!
//! For tests: `details#forget`; the field `#forget-confirm` takes the word `forget`; button `Forget this key`, enabled
//! when it was typed; `#forget-error` has `role=alert`.

use kez_core::KeyId;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Held;
use crate::vault::{self, Stage};

const WORD: &str = "forget";

#[component]
pub(super) fn Forget(held: RwSignal<Held>, key: KeyId, stage: Stage) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let trouble = RwSignal::new(String::new());
    let is_confirmed = move || typed.with(|typed| typed.trim() == WORD);
    let forget = move |_| {
        if !untrack(is_confirmed) {
            return;
        }
        spawn_local(async move {
            match vault::forget(&key).await {
                Ok(()) => held.set(Held::Nothing),
                Err(fault) => trouble.set(fault.advice().to_owned()),
            }
        });
    };
    let consequence = match stage {
        Stage::Registered => {
            "There is no backup. The name stays registered to a key that nobody has: it can never be used, moved or released again. Release it first if you want it to be free one day."
        }
        Stage::Released => "There is no backup. Without this key you cannot take your released name again before its hold ends.",
        Stage::Made => "There is no backup. The key has no name yet, so nothing else is lost.",
    };
    view! {
        <details id="forget">
            <summary>"Forget this key"</summary>
            <p>{consequence}</p>
            <label for="forget-confirm">"Type "<strong>{WORD}</strong>" to confirm"</label>
            <input
                id="forget-confirm"
                type="text"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                on:input:target=move |event| typed.set(event.target().value())
            />
            <button type="button" class="button dangerous" disabled=move || !is_confirmed() on:click=forget>
                "Forget this key"
            </button>
            <p id="forget-error" class="alarm" role="alert">{move || trouble.get()}</p>
        </details>
    }
}
