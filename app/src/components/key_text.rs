//! A key in groups of four digits, so that people can compare it.

use kez_core::KeyId;
use leptos::prelude::*;

/// The key id. Its text content is the id exactly: the gaps between the groups are drawn, not written.
#[component]
pub fn KeyText(
    /// The key.
    key: KeyId,
    /// The element's id.
    #[prop(into)]
    id: String,
) -> impl IntoView {
    let hex = key.hex();
    let groups = (0..hex.len()).step_by(4).map(|at| hex[at..at + 4].to_owned());
    let groups: Vec<_> = groups.map(|group| view! { <span>{group}</span> }).collect();
    view! {
        <code class="key" id=id translate="no">
            <span class="key-suite">{key.suite().as_str()}":"</span>
            {groups}
        </code>
    }
}
