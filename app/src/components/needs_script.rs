//! What to say where nothing works without the browser's help.

use leptos::prelude::*;

/// Shown when there is no JavaScript, and by the style sheet when the wasm could not be started (`html[data-app=failed]`).
#[component]
pub fn NeedsScript() -> impl IntoView {
    let text = "Your key is made and used in your browser, and that needs JavaScript and WebAssembly. \
        Allow them for this page, or use the command line: kez register.";
    view! {
        <noscript>
            <p class="alarm">{text}</p>
        </noscript>
        <p class="alarm app-failed">{text}</p>
    }
}
