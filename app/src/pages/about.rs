//! What browsers and search engines are told of a page.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};

/// A page's title and description.
#[component]
pub(super) fn About(
    /// What the browser's tab says, without the product's name.
    #[prop(into)]
    title: String,
    /// One sentence for search engines and link previews.
    #[prop(into)]
    description: String,
) -> impl IntoView {
    view! {
        <Title text=title />
        <Meta name="description" content=description />
    }
}
