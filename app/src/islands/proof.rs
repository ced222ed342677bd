//! The profile's proof: the browser fetches the signed registration and verifies it against what the page shows.
//!
//! For tests: `#proof` with `data-state` `unchecked` (not run, or it could not be fetched), `checking`, `verified` or
//! `failed`; each check is `#proof li[data-check=fetched|handle|signature|server|chain]` with `data-state` `waiting`, `good`
//! or `bad`; `#proof-error` with `role=alert` says what differs; button `Check again`.

use kez_core::registration::{Expected, Unproven};
use kez_core::{Handle, KeyId, ServerName};
use leptos::prelude::*;

use super::bind::{act, effect, flag, says, says_one, text, word};
use super::live::Live;
use super::var::Var;
use crate::chain::{self, Card, NOT_LOADED};
use crate::components::{picture, quoted};
use crate::task::spawn;
use crate::{api, browser};

/// The checks, in the order in which they are made: a name for the page, and what each says.
const CHECKS: [(&str, &str); 5] = [
    ("fetched", "The signed registration was fetched"),
    ("handle", "It names this handle"),
    ("signature", "It is signed by the key of this identity"),
    ("server", "It names this server"),
    (CHAIN, "The log of this identity's keys is whole, and leads to the key shown"),
];

/// The check that is made where there is a log of keys. Where there is one, the registration may be signed by a key from
/// which the log leads to the one shown.
const CHAIN: &str = "chain";

#[derive(Clone, PartialEq, Eq)]
enum Proof {
    NotRun,
    Checking,
    Verified,
    /// The check with this index failed; this is what differs.
    Failed(usize, String),
    /// It could not be fetched; this is what to do.
    Unchecked(String),
}

/// Checks as soon as it is alive, and again when asked to.
#[island]
pub fn ProofPanel() -> impl IntoView {
    let proof = Var::new(Proof::NotRun);
    let has_log = Var::new(false);
    let check = move || {
        proof.set(Proof::Checking);
        has_log.set(browser::text_of("profile-log").is_some());
        spawn(async move { proof.set(prove().await) });
    };
    effect(check);
    let state = word(move || match proof.get() {
        Proof::NotRun | Proof::Unchecked(_) => "unchecked",
        Proof::Checking => "checking",
        Proof::Verified => "verified",
        Proof::Failed(..) => "failed",
    });
    let title = says_one(move || match proof.get() {
        Proof::NotRun => "Not checked by your browser",
        Proof::Checking => "Your browser is checking this card…",
        Proof::Verified => "Checked by your browser just now",
        Proof::Failed(..) => "Do not trust this card",
        Proof::Unchecked(_) => "Your browser could not check this card",
    });
    let explanation = says(move || match proof.get() {
        Proof::NotRun => {
            "A check needs JavaScript and WebAssembly. Without them you have the server's word only.".to_owned()
        }
        Proof::Checking | Proof::Failed(..) => String::new(),
        Proof::Verified => {
            "The owner of this key signed for this name on this server. You need not take the server's word for it."
                .to_owned()
        }
        Proof::Unchecked(advice) => advice,
    });
    let alarm = text(move || if let Proof::Failed(_, what) = proof.get() { what } else { String::new() });
    let checks: Vec<_> = CHECKS
        .into_iter()
        .enumerate()
        .map(|(index, (name, says))| {
            let result = word(move || match proof.get() {
                _ if name == CHAIN && !has_log.get() => "waiting",
                Proof::Verified => "good",
                Proof::Failed(at, _) if at == index => "bad",
                Proof::Failed(at, _) if index < at => "good",
                _ => "waiting",
            });
            let in_words = says_one(move || match &*result.get() {
                "good" => "yes",
                "bad" => "no",
                _ => "not checked",
            });
            view! {
                <li data-check=name data-state=result hidden=flag(move || name == CHAIN && !has_log.get())>
                    <span class="mark" aria-hidden="true"></span>
                    {says}
                    <span class="visually-hidden">": "<span inner_html=in_words></span></span>
                </li>
            }
        })
        .collect();
    view! {
        <section id="proof" class="card proof" data-state=state aria-labelledby="proof-title">
            <div role="status">
                <h2 id="proof-title" inner_html=title></h2>
            </div>
            <Live id="proof-error" kind="alarm" says=alarm />
            <ul class="checks">{checks}</ul>
            <p class="quiet" inner_html=explanation></p>
            <button
                type="button"
                class="button secondary"
                hidden=flag(move || matches!(proof.get(), Proof::NotRun | Proof::Checking | Proof::Verified))
                on:click=act(check)
            >
                "Check again"
            </button>
        </section>
    }
}

async fn prove() -> Proof {
    let Some((handle, server, primary)) = shown() else {
        return Proof::Failed(0, "This page shows no handle and key that could be checked.".to_owned());
    };
    // People compare pictures, so it is drawn from the key that is checked, whatever the server drew.
    browser::draw("profile-picture", &picture(&primary));
    let envelope = match api::registration(&handle).await {
        Ok(envelope) => envelope,
        Err(failure) => return Proof::Unchecked(failure.advice()),
    };
    let has_log = browser::text_of("profile-log").is_some();
    let expect = |primary| Expected { handle: &handle, primary, server: &server }.verify(&envelope);
    match expect(primary) {
        Ok(_) if has_log => by_chain(handle, primary, primary).await,
        Ok(_) => Proof::Verified,
        Err(Unproven::Differs { member: "handle", signed }) => {
            Proof::Failed(1, format!("The signature is for the handle {}, and not for {handle}.", quoted(&signed)))
        }
        Err(Unproven::Differs { member: "server", signed }) => {
            Proof::Failed(3, format!("The signature is for the server {}, and not for {server}.", quoted(&signed)))
        }
        // The key was changed since, and the log says how.
        Err(Unproven::Differs { member: "primary", signed }) if has_log => match signed.parse() {
            Ok(signer) if expect(signer).is_ok() => by_chain(handle, primary, signer).await,
            _ => Proof::Failed(2, "The registration that the server gave proves nothing.".to_owned()),
        },
        Err(Unproven::Differs { signed, .. }) => Proof::Failed(
            2,
            format!("This page shows another key than the one that signed for {handle}. The signature is by {signed}."),
        ),
        Err(Unproven::Invalid(problem)) => {
            Proof::Failed(2, format!("The registration that the server gave proves nothing. {}", problem.detail))
        }
    }
}

/// Whether the log of keys leads from the key that signed for the name to the one shown.
async fn by_chain(handle: Handle, shown: KeyId, signer: KeyId) -> Proof {
    let card = match chain::card(handle, shown, signer).await {
        Ok(card) => card.await,
        Err(_) => return Proof::Unchecked(NOT_LOADED.to_owned()),
    };
    match card {
        Card::Leads => Proof::Verified,
        Card::Differs(what) => Proof::Failed(4, what),
        Card::Unknown(advice) => Proof::Unchecked(advice),
    }
}

/// What the reader sees, taken from the page itself: what was checked is what is shown.
pub(super) fn shown() -> Option<(Handle, ServerName, KeyId)> {
    let name = browser::text_of("profile-name")?;
    let (handle, server) = name.trim().split_once('@')?;
    let key = browser::text_of("profile-key")?;
    Some((handle.parse().ok()?, server.parse().ok()?, key.trim().parse().ok()?))
}
