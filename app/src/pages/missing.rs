//! No such page.

use leptos::prelude::*;

use super::about::About;
use crate::reply::{Outcome, report};

/// The answer to every path that is no page, and to every handle that nobody holds.
#[component]
pub fn Missing() -> AnyView {
    report(Outcome::NotFound);
    view! {
        <About title="Not found" description="There is nothing at this address." />
        <section class="lead">
            <h1>"There is nothing here"</h1>
            <p>"No page has this address, and nobody on this server holds a handle of that name."</p>
            <p class="actions">
                <a class="button" href="/">"Look for a handle"</a>
            </p>
        </section>
    }
    .into_any()
}
