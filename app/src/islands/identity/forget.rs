//! Forgetting the key.
//!
//! For tests: `details#forget`; the field `#forget-confirm` takes the word `forget`; button `Forget this key`, enabled
//! when it was typed; `#forget-error` has `role=alert`.

use kez_core::KeyId;
use leptos::prelude::*;
use leptos::wasm_split::wasm_split;

use super::super::bind::{act, flag, text, typed};
use super::super::live::Live;
use super::super::var::Var;
use super::held::{Held, said, show};
use crate::chain::{NOT_LOADED, NotLoaded};
use crate::contacts;
use crate::task::spawn;
use crate::vault::{self, Stage};

const WORD: &str = "forget";

/// Forgets. It takes the vault, and is part of the program that has it.
#[wasm_split(keys, wasm_split_path = ::leptos::wasm_split, fallible)]
fn forget(key: KeyId, held: Var<Held>, trouble: Var<String>) -> Result<(), NotLoaded> {
    spawn(async move {
        match vault::forget(&key).await {
            // Contacts without a key are of no use to its owner, and nobody else's business.
            Ok(()) => match contacts::clear().await {
                Ok(()) => show(held, Held::Nothing, "no-identity").await,
                Err(fault) => trouble.set(contacts::advice(fault)),
            },
            Err(fault) => trouble.set(fault.advice().to_owned()),
        }
    });
    Ok(())
}

#[component]
pub(super) fn Forget(held: Var<Held>) -> impl IntoView {
    let confirmation = Var::new(String::new());
    let trouble = Var::new(String::new());
    let confirmed = move || confirmation.with(|typed| typed.trim() == WORD);
    let forget = act(move || {
        let Some(key) = held.with_untracked(|held| held.identity().map(|identity| identity.key)) else { return };
        if !untrack(confirmed) {
            return;
        }
        spawn(async move {
            if forget(key, held, trouble).await.is_err() {
                trouble.set(NOT_LOADED.to_owned());
            }
        });
    });
    let consequence = said(held, |identity| {
        match identity.stage {
            Stage::Registered => {
                "Only recovery words that you kept, or another browser of yours, can use the name then. Without either it \
                 stays with a key that nobody has: it can never be used, moved or released again. Release it first if it \
                 should be free one day."
            }
            Stage::Released => {
                "Only recovery words that you kept can take your released name again then, while its hold lasts."
            }
            Stage::Made | Stage::Joining => "The key has no name yet, so nothing else is lost.",
        }
        .to_owned()
    });
    view! {
        <details id="forget">
            <summary>"Forget this key"</summary>
            <p inner_html=consequence></p>
            <label for="forget-confirm">"Type "<strong translate="no">{WORD}</strong>" to confirm"</label>
            <input
                id="forget-confirm"
                type="text"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                on:input=typed(confirmation)
            />
            <button type="button" class="button dangerous" disabled=flag(move || !confirmed()) on:click=forget>
                "Forget this key"
            </button>
            <Live id="forget-error" kind="alarm" says=text(move || trouble.get()) />
        </details>
    }
}
