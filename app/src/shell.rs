//! The document around every page: head, header, footer, and the script that wakes the islands.

use std::sync::Arc;

use leptos::config::LeptosOptions;
use leptos::hydration::AutoReload;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::App;
use crate::backend::Backend;

/// Loads the wasm and hydrates every island on the page, on what the server rendered, whoever changed it since. Says what
/// to do where that cannot be (`html[data-app=failed]`; for tests, `data-reason` says why: `webassembly`, `old`, `network`,
/// `start`, `extension` or `stopped`; `#app-trouble` says it to people).
const BOOT: &str = include_str!("boot.js");

/// Where the built files are, as absolute paths on this origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The style sheet.
    pub style: String,
    /// The module that loads the wasm.
    pub script: String,
    /// The wasm itself.
    pub wasm: String,
    /// The client of the message broker, which is loaded when it is needed.
    pub broker: Option<String>,
}

/// A whole document. Expects an `Arc<dyn Backend>` in context; `reload` is given while developing, and adds the script
/// that reloads the page when its source changes.
pub fn shell(assets: Assets, reload: Option<LeptosOptions>) -> AnyView {
    // Nothing outside the islands is hydrated, so nothing outside them needs its data in the page.
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    let site = expect_context::<Arc<dyn Backend>>().site().clone();
    let nonce = use_nonce();
    let Assets { style, script, wasm, broker } = assets;
    // One is of no use without the other.
    let (broker, broker_url) = broker.zip(site.nats_ws_url).unzip();
    let (script_url, wasm_url) = (script.clone(), wasm.clone());
    view! {
        <!DOCTYPE html>
        <html
            lang="en"
            data-server=site.server.to_string()
            data-script=script_url
            data-wasm=wasm_url
            data-broker=broker
            data-broker-url=broker_url
            data-sigchains=site.sigchains
        >
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" content="#fbfaf7" media="(prefers-color-scheme: light)" />
                <meta name="theme-color" content="#101417" media="(prefers-color-scheme: dark)" />
                <link rel="stylesheet" href=style />
                <link rel="modulepreload" href=script nonce=nonce.clone() />
                <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                {reload.map(|options| view! { <AutoReload options /> })}
                <MetaTags />
                <script type="module" nonce=nonce>{BOOT}</script>
            </head>
            <body>
                <a class="skip" href="#main">"Skip to the content"</a>
                <header class="site-header">
                    <nav aria-label="Main">
                        <a class="brand" href="/" translate="no">"kez-chat"</a>
                        <ul>
                            <li><a href="/register">"Register"</a></li>
                            <li><a href="/identity">"Your identity"</a></li>
                        </ul>
                    </nav>
                </header>
                <main id="main" tabindex="-1">
                    // Filled by the script, where it cannot start what the page needs.
                    <div id="app-trouble" class="alarm" role="alert" hidden>
                        <p></p>
                        <button type="button" class="button secondary"></button>
                    </div>
                    {App().into_any()}
                </main>
                <footer class="site-footer">
                    <p>{site.server.to_string()}" runs kez-chat "{site.version}</p>
                    <ul>
                        <li><a href="/docs">"API"</a></li>
                        <li><a href="/v1/openapi.json">"OpenAPI"</a></li>
                    </ul>
                </footer>
            </body>
        </html>
    }
    .into_any()
}
