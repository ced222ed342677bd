//! The web app: its pages, the files they load, and the headers that hold a browser to them.

mod files;
mod headers;
mod pages;
mod ranges;
pub(crate) mod site;
mod unbuilt;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use kez_app::backend::Backend;

use self::files::Files;

/// Serves the site that was built into `web_dir`, and the pages that go with it; a plain page that says how to build it
/// if there is none. Every path that is neither gets the page for missing things, so mount the API before this.
///
/// With `dev`, what is on disk is looked at again for every page, nothing is cached, and pages reload when
/// `cargo leptos watch` says so.
pub(crate) fn router(web_dir: Option<PathBuf>, dev: bool, backend: Arc<dyn Backend>) -> Router {
    let router = match web_dir.and_then(|dir| Files::open(dir, dev)) {
        Some(files) => {
            if backend.site().nats_ws_url.is_some() && files.assets().broker.is_none() {
                tracing::warn!("the built site has no client for the message broker; pages do without one");
            }
            pages::router(Arc::new(files), backend)
        }
        None => {
            tracing::warn!("there are no pages: build them with `make build`, and name target/site with --web-dir");
            unbuilt::router(backend)
        }
    };
    headers::harden(router)
}
