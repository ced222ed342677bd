//! `/join`: a browser asks to become a device of an identity that another one holds.

use leptos::prelude::*;

use super::about::About;
use super::own::Lines;
use crate::components::NeedsScript;
use crate::islands::JoinPanel;

/// The page; the browser moves it.
#[component]
pub fn Join() -> AnyView {
    view! {
        <About title="Add this browser" description="Make this browser a device of an identity that you have elsewhere." />
        <section class="lead">
            <h1>"Add this browser"</h1>
            <p>
                "You have an identity in another browser, and want to use it here too. This browser makes a key of its own; the other one signs that it belongs to you. No secret travels."
            </p>
        </section>
        <NeedsScript />
        <section id="join" class="card" data-state="loading" aria-labelledby="join-title">
            <h2 id="join-title" tabindex="-1">"Show a code, type it there"</h2>
            <div id="join-start" hidden>
                <form id="join-form" class="stack">
                    <label for="join-handle">"Your handle"</label>
                    <input
                        id="join-handle"
                        type="text"
                        autocomplete="username"
                        autocapitalize="none"
                        spellcheck="false"
                        maxlength="300"
                    />
                    <p class="actions">
                        <button type="submit" class="button">"Show a code"</button>
                    </p>
                </form>
            </div>
            <div id="join-offer" class="stack" hidden>
                <p>"On the browser that holds your identity, open "<strong>"Your identity"</strong>", and type this code under "<strong>"Add a browser"</strong>":"</p>
                <p id="join-code" class="code big" translate="no"></p>
                <details class="qr-code">
                    <summary>"Or point its camera here"</summary>
                    <div id="join-qr"></div>
                </details>
                <p>"It then shows a picture. Say yes there only if it is this one:"</p>
                <div id="join-key"></div>
            </div>
            <div id="join-added" class="stack" hidden>
                <p><strong id="join-name" translate="no"></strong>" is in this browser now, too."</p>
                <p class="actions">
                    <a class="button" href="/identity">"Your identity"</a>
                </p>
            </div>
            <div id="join-held" class="stack" hidden>
                <p>"This browser holds an identity already, and its key counts. A browser keeps one identity: use another browser or browser profile for this one."</p>
                <p class="actions">
                    <a class="button" href="/identity">"Your identity"</a>
                </p>
            </div>
            <Lines of="join" />
        </section>
        <JoinPanel />
    }
    .into_any()
}
