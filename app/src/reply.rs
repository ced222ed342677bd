//! What a page tells the server about its answer, in terms of pages and not of HTTP.

use std::sync::Arc;

use leptos::prelude::use_context;

/// How a page came out. A page that reports nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no such page.
    NotFound,
    /// There was such a page, and its owner took it down.
    Gone,
    /// The page exists under this path, for good.
    Moved(String),
    /// The server cannot tell at the moment.
    Unavailable,
}

/// Takes a page's outcome. The server puts one into the context of every rendering.
#[derive(Clone)]
pub struct Reply(Arc<dyn Fn(Outcome) + Send + Sync>);

impl Reply {
    /// A reply that hands the outcome to `report`.
    pub fn new(report: impl Fn(Outcome) + Send + Sync + 'static) -> Self {
        Reply(Arc::new(report))
    }
}

/// Reports how the page that is being rendered came out.
pub(crate) fn report(outcome: Outcome) {
    if let Some(Reply(report)) = use_context::<Reply>() {
        report(outcome);
    }
}
