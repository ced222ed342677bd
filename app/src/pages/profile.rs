//! `/@handle`: a visiting card that can be checked.

use std::sync::Arc;

use kez_core::{Handle, Record, Timestamp};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::about::About;
use super::contacts::Ask;
use super::{Missing, site};
use crate::backend::{self, Backend, Unavailable};
use crate::components::{day, grouped, picture, qr_code};
use crate::islands::{CopyProfileKey, ProofPanel};
use crate::reply::{Outcome, report};

/// The page of whoever holds the handle in the path, which begins with `@`; any other path is no page.
#[component]
pub fn Profile() -> AnyView {
    let name = use_params_map().with_untracked(|params| params.get("name")).unwrap_or_default();
    let Some(handle) = name.strip_prefix('@').and_then(|name| Handle::for_lookup(name).ok()) else {
        return Missing();
    };
    if name[1..] != *handle.as_str() {
        report(Outcome::Moved(format!("/@{handle}")));
        return view! { <About title=format!("@{handle}") description="This profile is written in lower case." /> }
            .into_any();
    }
    let backend = expect_context::<Arc<dyn Backend>>();
    let owner = Owner::current();
    let page = Suspend::new(async move {
        let profile = backend.profile(&handle).await;
        // The outcome and the title are reported through the context, which an await forgets.
        let show = move || match profile {
            Ok(backend::Profile::Live(record)) => card(record),
            Ok(backend::Profile::Released { handle, released_at }) => released(&handle, released_at),
            Ok(backend::Profile::Unknown) => Missing(),
            Err(Unavailable) => unavailable(),
        };
        match owner {
            Some(owner) => owner.with(show),
            None => show(),
        }
    });
    view! { <Suspense>{page}</Suspense> }.into_any()
}

fn card(record: Record) -> AnyView {
    let Record { handle, fqhn, primary, registered_at, sigchain_url, head, active, .. } = record;
    // The proof's script looks for the link: with a log, another key than the first may be the right one.
    let log = head.map(|_| {
        view! { <li><a id="profile-log" href=format!("{sigchain_url}/audit")>"Log of this identity's keys"</a></li> }
    });
    let ended = (!active).then(|| {
        view! { <p id="profile-ended"><strong>"Its owner has ended this identity."</strong>" Nobody speaks for it any more."</p> }
    });
    let profile_url = format!("{}/@{handle}", site().public_url);
    let qr = qr_code(&profile_url, "QR code of this page’s address");
    let webfinger = format!("/.well-known/webfinger?resource=acct:{fqhn}");
    view! {
        <About title=fqhn.clone() description=format!("{fqhn} and the key that holds this name. Check it yourself.") />
        <article class="card profile" aria-labelledby="profile-name">
            <div class="profile-head">
                <span id="profile-picture" inner_html=picture(&primary)></span>
                <div>
                    <h1 id="profile-name" translate="no">
                        {handle.clone()}<wbr /><span class="at">"@"{site().server.to_string()}</span>
                    </h1>
                    <p class="quiet">
                        "Registered "<time datetime=registered_at.to_string()>{day(registered_at)}</time>
                    </p>
                </div>
            </div>
            {ended}
            <h2 class="label" id="profile-key-label">"Key"</h2>
            <div class="key-row">
                <code id="profile-key" class="key" translate="no" inner_html=grouped(&primary)></code>
                <CopyProfileKey />
            </div>
        </article>
        <p id="profile-fresh" class="warning" role="status" hidden></p>
        <ProofPanel />
        <section id="card-claims" class="card" aria-labelledby="card-claims-title" hidden>
            <h2 id="card-claims-title">"Elsewhere"</h2>
            <p class="quiet">"Signed by this identity. Whether it is so, the other side has to say: look yourself."</p>
            <ul id="card-claims-list" class="people"></ul>
        </section>
        <Ask />
        <section id="history" class="card" data-state="unverified" aria-labelledby="history-title" hidden>
            <h2 id="history-title">"History of its keys"</h2>
            <p id="history-says" class="quiet"></p>
            <ol id="history-events" class="timeline"></ol>
            <div id="history-more"></div>
        </section>
        <section class="links" aria-labelledby="links-title">
            <h2 id="links-title">"For programs"</h2>
            <ul>
                <li><a href=format!("/v1/u/{handle}")>"JSON record"</a></li>
                <li><a href=format!("/v1/u/{handle}/registration")>"Signed registration"</a></li>
                <li><a href=webfinger>"WebFinger"</a></li>
                {log}
            </ul>
            <p class="quiet">"Address of this page: "<span class="url" translate="no">{profile_url}</span></p>
            {qr.map(|picture| view! { <details class="qr-code"><summary>"QR code"</summary><div inner_html=picture></div></details> })}
        </section>
    }
    .into_any()
}

fn released(handle: &Handle, released_at: Timestamp) -> AnyView {
    report(Outcome::Gone);
    let server = site().server;
    view! {
        <About title=format!("{handle}@{server} was released") description="The owner of this handle gave it back." />
        <section class="lead" id="released">
            <h1>{handle.to_string()}<wbr />"@"{server.to_string()}" was released"</h1>
            <p>
                "Its owner gave this handle back on "
                <time datetime=released_at.to_string()>{day(released_at)}</time>
                ". It proves nothing any more. For some time only the key that released it can take it again."
            </p>
            <p class="actions">
                <a class="button" href="/">"Look for a handle"</a>
            </p>
        </section>
    }
    .into_any()
}

fn unavailable() -> AnyView {
    report(Outcome::Unavailable);
    view! {
        <About title="Not available" description="The server cannot look up handles at the moment." />
        <section class="lead" id="unavailable">
            <h1>"The server cannot look this up at the moment"</h1>
            <p>"Nothing is lost. Wait a few seconds, then load the page again."</p>
            <p class="actions">
                <a class="button" href="">"Try again"</a>
            </p>
        </section>
    }
    .into_any()
}
