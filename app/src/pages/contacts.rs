//! What is about contacts on `/identity` and on profiles. Whether there is anything to show is for the browser to say: the
//! islands fill it in. It stands here because views are most of a page's program, and this one is never made anew.

use leptos::prelude::*;

use super::own::Lines;
use crate::islands::ContactPanel;

/// The connection, who asks, and what was decided.
#[component]
pub(super) fn Contacts() -> AnyView {
    view! {
        <div id="messages" class="stack" hidden>
            <section id="connection" class="card connection" aria-labelledby="connection-title" data-state="connecting">
                <h2 id="connection-title">"Messages"</h2>
                <p class="connection-line">
                    <span id="connection-state" role="status"></span>
                    // Heard every second, it would be noise.
                    <span id="connection-wait" aria-hidden="true"></span>
                </p>
                <p id="connection-why" class="quiet" role="status"></p>
                <p id="connection-dropped" class="quiet"></p>
                <p id="connection-too-large" class="quiet"></p>
                <button id="connection-retry" type="button" class="button secondary" hidden>
                    "Try now"
                </button>
            </section>
            <section id="requests" class="card" aria-labelledby="requests-title" data-state="loading">
                <h2 id="requests-title" tabindex="-1">"Contact requests"</h2>
                <p id="requests-line" class="quiet" role="status">"Looking…"</p>
                <p id="contacts-error" class="alarm" role="alert" tabindex="-1" data-empty=""></p>
                <button id="requests-retry" type="button" class="button secondary" hidden>"Try again"</button>
                <ul id="requests-people" class="people"></ul>
                <p id="requests-hint" class="quiet" hidden>
                    "Accepting keeps this person as a contact in this browser, under the key that you see. Nothing is sent back to them, and the server is not told."
                </p>
            </section>
            <section id="contacts" class="card" aria-labelledby="contacts-title" hidden>
                <h2 id="contacts-title" tabindex="-1">"Contacts"</h2>
                <ul id="contacts-people" class="people"></ul>
            </section>
            <section id="declined" class="card" aria-labelledby="declined-title" hidden>
                <h2 id="declined-title" tabindex="-1">"Declined"</h2>
                <p class="quiet">"What these send is not shown. They are not told."</p>
                <ul id="declined-people" class="people"></ul>
            </section>
        </div>
    }
    .into_any()
}

/// Asking the owner of a profile to be in touch.
#[component]
pub(super) fn Ask() -> AnyView {
    view! {
        <section id="contact" class="card" aria-labelledby="contact-title" data-state="absent" hidden>
            <h2 id="contact-title">"Get in touch"</h2>
            <p>
                "As "<strong id="contact-from" translate="no"></strong>", your key signs one sentence for "
                <strong id="contact-to" translate="no"></strong>
                ": that you would like to be in touch. The server sees that you asked."
            </p>
            <details>
                <summary>"The exact text that is signed"</summary>
                <pre id="contact-statement" tabindex="0" translate="no"></pre>
            </details>
            <button id="contact-send" type="button" class="button">"Send a contact request"</button>
            <Lines of="contact" />
        </section>
        <div id="contact-lost" class="alarm" role="alert" hidden>
            <p id="contact-unavailable"></p>
            <button type="button" class="button secondary">"Try again"</button>
        </div>
        <ContactPanel />
    }
    .into_any()
}
