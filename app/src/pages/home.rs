//! `/`: what this is, and whether a name is free.

use leptos::prelude::*;

use super::about::About;
use super::site;
use crate::components::NeedsScript;
use crate::islands::HandleSearch;

/// The landing page.
#[component]
pub fn Home() -> AnyView {
    let server = site().server.to_string();
    view! {
        <About
            title="Your name, held by your own key"
            description="Claim a handle that belongs to a key made in your browser. No password, no e-mail address."
        />
        <section class="lead home">
            <h1>"A name that is yours, held by a key only you have"</h1>
            <p>
                "Pick a handle on "{server}
                ". Your browser makes the key and signs for it; the server only writes down what it can prove."
            </p>
        </section>
        <NeedsScript />
        <HandleSearch />
        <ul class="proofs">
            <li>
                <h2>"Made in your browser"</h2>
                <p>"The secret half of your key is created on your device and never leaves it. There is no password to leak."</p>
            </li>
            <li>
                <h2>"Checkable by anyone"</h2>
                <p>"Every handle comes with the signature that claimed it. Profiles prove themselves in the reader's browser."</p>
            </li>
            <li>
                <h2>"Yours to give back"</h2>
                <p>"Only your key can release your handle. It then rests for a long while in which only your key can take it back."</p>
            </li>
        </ul>
    }
    .into_any()
}
