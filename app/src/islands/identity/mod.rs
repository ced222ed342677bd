//! What this browser holds, said plainly; the dangerous things apart, below.
//!
//! For tests: `#identity` with `data-state` `loading`, `empty`, `made`, `registered`, `released` or `unavailable`. The
//! key is `#identity-key`; `#identity-proven` with `data-state` `checking`, `proven` or `broken` says whether it can
//! still be opened and sign; `#backup` with `data-state=none` says where it is kept. See [`release`] and [`forget`] for
//! the rest. Links: `Register a handle` (empty), `Go on registering` (made), `Take @<handle> again` (released).

mod forget;
mod release;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::forget::Forget;
use self::release::Release;
use super::CopyButton;
use crate::components::{Fingerprint, KeyText};
use crate::vault::{self, Fault, Identity, Stage};

/// What is known of the vault.
#[derive(Clone, PartialEq, Eq)]
enum Held {
    Loading,
    Nothing,
    Identity(Identity),
    Unavailable(Fault),
}

impl Held {
    const fn state(&self) -> &'static str {
        match self {
            Held::Loading => "loading",
            Held::Nothing => "empty",
            Held::Identity(identity) => identity.stage.as_str(),
            Held::Unavailable(_) => "unavailable",
        }
    }
}

/// Reads the vault and shows it.
#[island]
pub fn IdentityPanel(
    /// The server's name.
    server: String,
) -> impl IntoView {
    let held = RwSignal::new(Held::Loading);
    Effect::new(move || {
        spawn_local(async move {
            held.set(match vault::load().await {
                Ok(Some(identity)) => Held::Identity(identity),
                Ok(None) => Held::Nothing,
                Err(fault) => Held::Unavailable(fault),
            });
        });
    });
    let contents = move || match held.get() {
        Held::Loading => view! { <p class="progress">"Looking…"</p> }.into_any(),
        Held::Nothing => nothing().into_any(),
        Held::Unavailable(fault) => view! { <p class="alarm" role="alert">{fault.advice()}</p> }.into_any(),
        Held::Identity(identity) => view! { <Card identity held server=server.clone() /> }.into_any(),
    };
    view! {
        <div id="identity" data-state=move || held.with(Held::state)>
            {contents}
        </div>
    }
}

fn nothing() -> impl IntoView {
    view! {
        <section class="card">
            <h2>"This browser holds no key"</h2>
            <p>
                "Make one by registering a handle; it takes a minute. If you made one before, it is in the browser where you made it."
            </p>
            <p class="actions">
                <a class="button" href="/register">"Register a handle"</a>
            </p>
        </section>
    }
}

#[component]
fn Card(identity: Identity, held: RwSignal<Held>, server: String) -> impl IntoView {
    let Identity { key, made_at, stage, handle, registered_at } = identity.clone();
    let proven = RwSignal::new("checking");
    spawn_local(async move {
        proven.set(if vault::prove(&identity).await.is_ok() { "proven" } else { "broken" });
    });
    let proof = move || match proven.get() {
        "proven" => "Opened and tested just now: this browser can sign with it.",
        "broken" => "This browser holds the key's record, but cannot open it any more. Do not rely on it.",
        _ => "Testing the key…",
    };
    let name = format!("{handle}@{server}");
    let (title, next, link) = match stage {
        Stage::Made => (
            format!("A key, without a name yet; it wants {name}"),
            "Go on registering".to_owned(),
            format!("/register?handle={handle}"),
        ),
        Stage::Registered => (name, "Open your profile".to_owned(), format!("/@{handle}")),
        Stage::Released => (
            format!("A key that released {name}"),
            format!("Take @{handle} again"),
            format!("/register?handle={handle}"),
        ),
    };
    let since = registered_at.filter(|_| stage == Stage::Registered);
    view! {
        <section class="card profile" aria-labelledby="identity-name">
            <div class="profile-head">
                <Fingerprint key />
                <div>
                    <h2 id="identity-name">{title}</h2>
                    <p class="quiet">
                        "Key made "<time>{made_at.to_string()}</time>
                        {since.map(|since| view! { ", registered "<time>{since.to_string()}</time> })}
                    </p>
                </div>
            </div>
            <h3 class="label">"Key"</h3>
            <div class="key-row">
                <KeyText key id="identity-key" />
                <CopyButton text=key.to_string() what="key".to_owned() />
            </div>
            <p id="identity-proven" class="quiet" role="status" data-state=move || proven.get()>{proof}</p>
            <p class="actions">
                <a class="button" href=link>{next}</a>
            </p>
        </section>
        <section id="backup" class="card" data-state="none" aria-labelledby="backup-title">
            <h2 id="backup-title">"Backup: none"</h2>
            <p>
                "The key is sealed in this browser on this device, and nowhere else. Clearing this site's data, or losing the device, loses the key; nobody, the server included, can bring it back."
            </p>
        </section>
        <section class="danger" aria-labelledby="danger-title">
            <h2 id="danger-title">"Dangerous things"</h2>
            {(stage == Stage::Registered).then(|| view! { <Release held key handle=handle.clone() server=server.clone() /> })}
            <Forget held key stage />
        </section>
    }
}
