//! `/identity`: what this browser holds.

use leptos::prelude::*;

use super::about::About;
use super::contacts::Contacts;
use super::own::{Backup, Claims, Devices};
use crate::components::NeedsScript;
use crate::islands::IdentityPanel;

/// The page around the panel; the server does not know what a browser holds.
#[component]
pub fn Identity() -> AnyView {
    view! {
        <About title="Your identity" description="The key that this browser holds, and what you can do with it." />
        <section class="lead">
            <h1>"Your identity"</h1>
            <p>"What this browser holds. The server cannot see this page's contents; they are read from your device."</p>
        </section>
        <NeedsScript />
        <IdentityPanel>
            <p id="standing" class="alarm" role="alert" tabindex="-1" data-empty=""></p>
            <Contacts />
            <Devices />
            <Claims />
            <Backup />
        </IdentityPanel>
    }
    .into_any()
}
