//! A line that is heard when it changes.

use leptos::prelude::*;

use super::bind::{flag, says as written};

/// Empty lines stay in the page, unseen, so that what comes into them is announced (`data-empty`).
#[component]
pub(super) fn Live(
    /// The element's id.
    id: &'static str,
    /// `alarm`, `note` or `progress`, for the style sheet. An alarm interrupts, the others wait.
    kind: &'static str,
    /// What it says.
    says: Signal<String>,
) -> impl IntoView {
    let role = if kind == "alarm" { "alert" } else { "status" };
    view! {
        <p
            id=id
            class=kind
            role=role
            tabindex="-1"
            data-empty=flag(move || says.with(String::is_empty))
            inner_html=written(move || says.get())
        ></p>
    }
}
