//! Giving the handle back.
//!
//! For tests: `details#release`, there for a registered handle only; the field `#release-confirm` takes the handle;
//! `#release-statement` is the exact text that is signed; button `Release @<handle>`, enabled when the handle was typed;
//! `#release-error` has `role=alert`.

use kez_core::registration::Statement;
use kez_core::{Code, Timestamp};
use leptos::prelude::*;
use leptos::wasm_split::wasm_split;

use super::super::bind::{act, effect, flag, text, typed};
use super::super::live::Live;
use super::super::var::Var;
use super::held::{Held, said, show};
use crate::api::{self, Failure};
use crate::browser;
use crate::chain::{NOT_LOADED, NotLoaded};
use crate::place::server_name;
use crate::task::spawn;
use crate::typed::handle_to_take;
use crate::vault::{self, Fault, Identity, Stage};

/// A statement that was shown for longer than this gets a new time before it is signed, in seconds.
const FRESH: u64 = 60;

#[component]
pub(super) fn Release(held: Var<Held>) -> impl IntoView {
    let confirmation = Var::new(String::new());
    let busy = Var::new(false);
    let trouble = Var::new(String::new());
    let created_at = Var::new(Timestamp::from_unix(0));
    // The server renders this too, and has no say in a browser's time.
    effect(move || created_at.set(browser::now()));
    let shown = said(held, move |identity| {
        statement(identity, created_at.get()).map(|statement| statement.signing_input(identity.key)).unwrap_or_default()
    });
    let confirmed = move || {
        let typed = confirmation.get();
        held.with(|held| {
            held.identity().is_some_and(|identity| handle_to_take(&typed).as_ref() == Ok(&identity.handle))
        })
    };
    let form = Form { held, busy, trouble, created_at };
    let release = act(move || {
        if !busy.get_untracked() && untrack(confirmed) {
            spawn(async move {
                if release(form).await.is_err() {
                    trouble.set(NOT_LOADED.to_owned());
                }
            });
        }
    });
    let label = said(held, |identity| format!("Release @{}", identity.handle));
    let progress = text(move || if busy.get() { "Signing and releasing…" } else { "" }.to_owned());
    view! {
        <details id="release" hidden=flag(move || held.with(Held::state) != Stage::Registered.as_str())>
            <summary inner_html=label></summary>
            <p>
                "The name stops working at once. While its hold lasts, only this key can take it again; after that, anyone can. This key signs:"
            </p>
            <pre id="release-statement" tabindex="0" translate="no" inner_html=shown></pre>
            <label for="release-confirm">
                "Type "
                <strong translate="no" inner_html=said(held, |identity| identity.handle.to_string())></strong>
                " to confirm"
            </label>
            <input
                id="release-confirm"
                type="text"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                on:input=typed(confirmation)
            />
            <button
                type="button"
                class="button dangerous"
                disabled=flag(move || busy.get() || !confirmed())
                on:click=release
                inner_html=label
            ></button>
            <Live id="release-progress" kind="progress" says=progress />
            <Live id="release-error" kind="alarm" says=text(move || trouble.get()) />
        </details>
    }
}

/// What releasing reads and moves.
#[derive(Clone, Copy)]
struct Form {
    held: Var<Held>,
    busy: Var<bool>,
    trouble: Var<String>,
    created_at: Var<Timestamp>,
}

fn statement(identity: &Identity, created_at: Timestamp) -> Option<Statement> {
    let server = server_name().parse().ok()?;
    Some(Statement::release(identity.handle.clone(), server, created_at))
}

/// Releases. It takes the key, and is part of the program that does.
#[wasm_split(keys, wasm_split_path = ::leptos::wasm_split, fallible)]
fn release(form: Form) -> Result<(), NotLoaded> {
    spawn(form.release());
    Ok(())
}

impl Form {
    async fn release(self) {
        let Form { held, busy, trouble, created_at, .. } = self;
        let Some(identity) = held.with_untracked(|held| held.identity().cloned()) else { return };
        busy.set(true);
        trouble.set(String::new());
        if browser::now().abs_diff(created_at.get_untracked()) > FRESH {
            created_at.set(browser::now());
        }
        let mut done = self.send(&identity).await;
        if let Err(Trouble::Server(failure)) = &done
            && let Some(time) = time_to_mend(failure).await
        {
            created_at.set(time);
            done = self.send(&identity).await;
        }
        busy.set(false);
        match done {
            Ok(identity) => show(held, Held::Identity(identity), "identity-name").await,
            Err(problem) => trouble.set(problem.advice()),
        }
    }

    /// Signs, sends, and notes the release.
    async fn send(self, identity: &Identity) -> Result<Identity, Trouble> {
        let statement = statement(identity, self.created_at.get_untracked()).ok_or(Fault::Changed)?;
        let envelope = statement.sign(&vault::open(&identity.key).await?);
        match api::release(&envelope).await {
            Ok(()) => {}
            // An earlier try went through, and its answer was lost.
            Err(failure) if failure.code() == Some(Code::Gone) => {}
            Err(failure) => return Err(Trouble::Server(failure)),
        }
        let released = Identity { stage: Stage::Released, registered_at: None, ..identity.clone() };
        vault::update(&released).await?;
        Ok(released)
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

/// The time of another statement, where signing that one is what it takes.
async fn time_to_mend(failure: &Failure) -> Option<Timestamp> {
    match failure {
        // Only the clock was wrong; the server says what it should have been.
        Failure::Refused { server_time: Some(time), .. } => Some(*time),
        // An earlier try went through, and its answer was lost. Within its second, a statement is the same one again; of
        // the next, the server says what became of the first.
        Failure::Refused { code: Code::Replayed, .. } => {
            browser::sleep(1100).await;
            Some(browser::now())
        }
        _ => None,
    }
}
