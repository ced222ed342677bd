//! Giving the handle back.
//!
//! For tests: `details#release`; the field `#release-confirm` takes the handle; `#release-statement` is the exact text
//! that is signed; button `Release @<handle>`, enabled when the handle was typed; `#release-error` has `role=alert`.

use kez_core::registration::Statement;
use kez_core::{Code, Handle, KeyId};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Held;
use crate::api::{self, Failure};
use crate::browser;
use crate::vault::{self, Fault, Identity, Stage};

/// A statement that was shown for longer than this gets a new time before it is signed, in seconds.
const FRESH: u64 = 60;

#[component]
pub(super) fn Release(held: RwSignal<Held>, key: KeyId, handle: Handle, server: String) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let trouble = RwSignal::new(String::new());
    let created_at = RwSignal::new(browser::now());
    let handle = StoredValue::new(handle);
    let statement = move || {
        Some(Statement::release(handle.get_value(), server.parse().ok()?, created_at.get()))
    };
    let text = {
        let statement = statement.clone();
        move || statement().map(|statement| statement.signing_input(key)).unwrap_or_default()
    };
    let is_confirmed = move || typed.with(|typed| handle.with_value(|handle| typed.trim() == handle.as_str()));
    let release = move |_| {
        if busy.get_untracked() || !untrack(is_confirmed) {
            return;
        }
        busy.set(true);
        trouble.set(String::new());
        if browser::now().abs_diff(created_at.get_untracked()) > FRESH {
            created_at.set(browser::now());
        }
        let statement = statement.clone();
        spawn_local(async move {
            let mut done = send(key, untrack(&statement)).await;
            if let Err(Trouble::Server(Failure::Refused { server_time: Some(time), .. })) = done {
                // Only the clock was wrong; the server says what it should have been.
                created_at.set(time);
                done = send(key, untrack(&statement)).await;
            }
            busy.set(false);
            match done {
                Ok(identity) => held.set(Held::Identity(identity)),
                Err(problem) => trouble.set(problem.advice()),
            }
        });
    };
    let name = handle.get_value().to_string();
    view! {
        <details id="release">
            <summary>"Release @"{name.clone()}</summary>
            <p>
                "The name stops working at once. For a year only this key can take it again; after that, anyone can. This key signs:"
            </p>
            <pre id="release-statement" tabindex="0">{text}</pre>
            <label for="release-confirm">"Type "<strong>{name.clone()}</strong>" to confirm"</label>
            <input
                id="release-confirm"
                type="text"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                on:input:target=move |event| typed.set(event.target().value())
            />
            <button
                type="button"
                class="button dangerous"
                disabled=move || busy.get() || !is_confirmed()
                on:click=release
            >
                "Release @"{name}
            </button>
            <p class="progress" role="status">{move || if busy.get() { "Signing and releasing…" } else { "" }}</p>
            <p id="release-error" class="alarm" role="alert">{move || trouble.get()}</p>
        </details>
    }
}

enum Trouble {
    Server(Failure),
    Vault(Fault),
}

impl Trouble {
    fn advice(&self) -> String {
        match self {
            Trouble::Server(failure) => failure.advice(),
            Trouble::Vault(fault) => fault.advice().to_owned(),
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Vault(fault)
    }
}

/// Signs, sends, and notes the release.
async fn send(key: KeyId, statement: Option<Statement>) -> Result<Identity, Trouble> {
    let statement = statement.ok_or(Fault::Changed)?;
    let identity = vault::load().await?.filter(|identity| identity.key == key).ok_or(Fault::Changed)?;
    let envelope = statement.sign(&vault::open(&key).await?);
    match api::release(&envelope).await {
        Ok(()) => {}
        // An earlier try went through, and its answer was lost.
        Err(failure) if failure.code() == Some(Code::Gone) => {}
        Err(failure) => return Err(Trouble::Server(failure)),
    }
    let identity = Identity { stage: Stage::Released, registered_at: None, ..identity };
    vault::update(&identity).await?;
    Ok(identity)
}
