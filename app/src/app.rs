//! Which page a path is.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::pages::{Docs, Home, Identity, Join, Missing, Problem, Profile, Recover, Register};

/// All pages. Each is rendered whole before its first byte is sent: its status is known only then, and it is complete
/// without any script.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| format!("{title} · kez-chat") />
        <Router>
            <Routes fallback=Missing>
                <Route path=path!("/") view=Home ssr=SsrMode::Async />
                <Route path=path!("/register") view=Register ssr=SsrMode::Async />
                <Route path=path!("/identity") view=Identity ssr=SsrMode::Async />
                <Route path=path!("/join") view=Join ssr=SsrMode::Async />
                <Route path=path!("/recover") view=Recover ssr=SsrMode::Async />
                <Route path=path!("/docs") view=Docs ssr=SsrMode::Async />
                <Route path=path!("/problems/:code") view=Problem ssr=SsrMode::Async />
                <Route path=path!("/:name") view=Profile ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}
