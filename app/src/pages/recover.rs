//! `/recover`: an identity is got back with its recovery words.

use leptos::prelude::*;

use super::about::About;
use super::own::Lines;
use crate::components::NeedsScript;
use crate::islands::RecoverPanel;

/// The page; the browser moves it.
#[component]
pub fn Recover() -> AnyView {
    view! {
        <About title="Get an identity back" description="With the 24 recovery words, on any browser." />
        <section class="lead">
            <h1>"Get your identity back"</h1>
            <p>
                "With the 24 words that you wrote down. They make the key in this browser yours, and can undo for 72 hours what a thief did. The words are used here and go nowhere."
            </p>
        </section>
        <NeedsScript />
        <section id="recover" class="card" data-state="loading" aria-labelledby="recover-title">
            <h2 id="recover-title" tabindex="-1">"Your handle and your words"</h2>
            <form id="recover-form" class="stack" hidden>
                <label for="recover-handle">"Handle"</label>
                <input
                    id="recover-handle"
                    type="text"
                    autocomplete="username"
                    autocapitalize="none"
                    spellcheck="false"
                    maxlength="300"
                />
                <label for="recover-words">"The 24 words"</label>
                <textarea
                    id="recover-words"
                    rows="4"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    translate="no"
                ></textarea>
                <p class="actions">
                    <button type="submit" class="button">"Look at the identity"</button>
                </p>
            </form>
            <form id="recover-choose" class="stack" hidden>
                <p>"The words are good. Choose how much to undo; what is kept stays as it is."</p>
                <ul id="recover-choices" class="choices"></ul>
                <p class="actions">
                    <button type="submit" class="button">"Get it back"</button>
                </p>
            </form>
            <div id="recover-done" class="stack" hidden>
                <p><strong>"It is yours again. "</strong>"The key in this browser is the identity's now; whoever had the old one is out within seconds. Keep the words: they are still good."</p>
                <p id="recover-devices"></p>
                <p class="actions">
                    <a class="button" href="/identity">"Your identity"</a>
                </p>
            </div>
            <div id="recover-held" class="stack" hidden>
                <p>
                    "This browser holds "<strong id="recover-holds" translate="no"></strong>
                    ". A browser keeps one identity: use another browser or browser profile to get a different one back."
                </p>
                <p class="actions">
                    <a class="button" href="/identity">"Your identity"</a>
                    <button type="button" class="button secondary">"Use its recovery words"</button>
                </p>
            </div>
            <Lines of="recover" />
        </section>
        <RecoverPanel />
    }
    .into_any()
}
