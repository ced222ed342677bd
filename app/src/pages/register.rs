//! `/register`: from a name to a registered handle.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::about::About;
use super::own::Backup;
use crate::components::NeedsScript;
use crate::islands::RegisterFlow;
use crate::place::AskedFor;

/// The page around the flow; all of it runs in the browser, because that is where the key is made.
#[component]
pub fn Register() -> AnyView {
    let handle = use_query_map().with_untracked(|query| query.get("handle")).unwrap_or_default();
    provide_context(AskedFor(handle));
    view! {
        <About
            title="Register a handle"
            description="Four quiet steps: choose a name, make the keys, see what is signed, done."
        />
        <section class="lead">
            <h1>"Register a handle"</h1>
            <p>"Four steps, about a minute. Your key is made here, in this browser, and stays here."</p>
        </section>
        <NeedsScript />
        <RegisterFlow />
        <Backup />
    }
    .into_any()
}
