//! What to say where nothing works without the browser's help.

use leptos::prelude::*;

/// Shown when there is no JavaScript. What else keeps the program from starting, the script in the page says.
#[component]
pub fn NeedsScript() -> impl IntoView {
    let text = "Your key is made and used in your browser, and that needs JavaScript and WebAssembly. \
        Allow them for this page, or use the command line: kez register.";
    view! {
        <noscript>
            <p class="alarm">{text}</p>
        </noscript>
    }
}
