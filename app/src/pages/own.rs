//! What is about the chain of the identity that a browser holds: backup, devices, claims. Whether there is anything to show
//! is for the browser to say: the islands fill it in. It stands here because views are most of a page's program, and this
//! one is never made anew.

use leptos::prelude::*;

/// Lines that are heard when they change.
#[component]
pub(super) fn Lines(
    /// What the section's ids begin with.
    of: &'static str,
) -> impl IntoView {
    let line = |kind: &'static str, role: &'static str, name: &'static str| {
        view! { <p id=format!("{of}-{name}") class=kind role=role tabindex="-1" data-empty=""></p> }
    };
    view! {
        {line("progress", "status", "progress")}
        {line("note", "status", "note")}
        {line("alarm", "alert", "error")}
    }
}

/// The recovery words: how it stands with them, and making them.
#[component]
pub(super) fn Backup() -> AnyView {
    view! {
        <section id="backup" class="card" data-state="none" aria-labelledby="backup-title" hidden>
            <h2 id="backup-title" tabindex="-1">"Backup: none"</h2>
            <p id="backup-says">
                "The key is sealed in this browser on this device, and nowhere else. Clearing this site's data, or losing the device, loses the key; nobody, the server included, can bring it back. Words that you noted without finishing do nothing: make new ones."
            </p>
            <p id="backup-sheet" class="sheet" translate="no" data-empty=""></p>
            <p id="backup-active" role="status" data-empty=""></p>
            <p id="backup-make" class="actions" hidden>
                <button type="button" class="button" data-do="make">"Make recovery words"</button>
            </p>
            <div id="backup-words" class="stack" hidden>
                <ol id="backup-list" class="words" translate="no"></ol>
                <p class="actions">
                    <button type="button" class="button" data-do="written">"I have written them down"</button>
                    <button type="button" class="button secondary" data-do="save">"Save as a file"</button>
                    <button type="button" class="button secondary" data-do="print">"Print"</button>
                </p>
            </div>
            <form id="backup-check" class="stack" hidden>
                <div id="backup-fields" class="stack"></div>
                <p class="actions">
                    <button type="submit" class="button">"Check and finish"</button>
                    <button type="button" class="button secondary" data-do="again">"Show the words again"</button>
                </p>
            </form>
            <Lines of="backup" />
        </section>
    }
    .into_any()
}

/// The devices: listed, named, added, removed.
#[component]
pub(super) fn Devices() -> AnyView {
    view! {
        <section id="devices" class="card" aria-labelledby="devices-title" hidden>
            <h2 id="devices-title" tabindex="-1">"Devices"</h2>
            <p class="quiet">"What may act as you. Names are kept sealed in this browser; nobody else sees them."</p>
            <ul id="devices-list" class="people"></ul>
            <Lines of="devices" />
            <form id="devices-add" class="stack" hidden>
                <h3>"Add a browser"</h3>
                <p>"Open "<a href="/join">"this server's page /join"</a>" on the other device. It shows a code; type it here."</p>
                <label for="device-code">"Code"</label>
                <input
                    id="device-code"
                    class="code"
                    type="text"
                    autocomplete="off"
                    autocapitalize="characters"
                    spellcheck="false"
                    maxlength="16"
                    placeholder="ABCDE-FGHJK"
                />
                <p class="actions">
                    <button type="submit" class="button">"Look it up"</button>
                </p>
            </form>
            <div id="device-offer" class="stack offer" hidden>
                <h3 id="device-offer-title" tabindex="-1">"Is this the picture that the other browser shows?"</h3>
                <div id="device-offer-key"></div>
                <p>"If it is another one, somebody is in between: cancel, and try on another network."</p>
                <p class="actions">
                    <button type="button" class="button" data-do="add">"The pictures are the same: add it"</button>
                    <button type="button" class="button secondary" data-do="cancel">"Cancel"</button>
                </p>
            </div>
        </section>
    }
    .into_any()
}

/// The claims: listed, made, withdrawn.
#[component]
pub(super) fn Claims() -> AnyView {
    view! {
        <section id="claims" class="card" aria-labelledby="claims-title" hidden>
            <h2 id="claims-title" tabindex="-1">"Elsewhere"</h2>
            <p class="quiet">
                "What else is yours, with a proof that anyone can look up: a domain, a web host, a GitHub account. Your profile shows it."
            </p>
            <ul id="claims-list" class="people"></ul>
            <form id="claims-add" class="stack">
                <label for="claim-type">"What is it?"</label>
                <select id="claim-type">
                    <option value="dns">"A domain"</option>
                    <option value="https">"A web host"</option>
                    <option value="github">"A GitHub account"</option>
                </select>
                <label for="claim-subject">"Its name"</label>
                <input id="claim-subject" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="253" />
                <p class="actions">
                    <button type="submit" class="button secondary">"What do I publish?"</button>
                </p>
            </form>
            <div id="claim-draft" class="stack offer" hidden>
                <h3 id="claim-draft-title" tabindex="-1">"Publish it, then sign"</h3>
                <p id="claim-where"></p>
                <pre id="claim-text" tabindex="0" translate="no"></pre>
                <p id="claim-gist" hidden>
                    <label for="claim-proof">"Address of the gist"</label>
                    <input id="claim-proof" type="url" autocomplete="off" maxlength="2048" placeholder="https://gist.github.com/…" />
                </p>
                <p class="actions">
                    <button type="button" class="button" data-do="sign">"It is published: sign the claim"</button>
                    <button type="button" class="button secondary" data-do="cancel">"Cancel"</button>
                </p>
            </div>
            <Lines of="claims" />
        </section>
    }
    .into_any()
}
