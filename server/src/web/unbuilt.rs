//! What is shown where no site was built.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use http::StatusCode;
use kez_app::backend::{Backend, Profile, Unavailable};
use kez_core::Handle;

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>kez-chat</title>\n\
    <h1>This server has no pages yet</h1>\n\
    <p>The JSON API works: see <a href=\"/v1/server\">/v1/server</a> and <a href=\"/v1/openapi.json\">/v1/openapi.json</a>.</p>\n\
    <p>The program was installed without them, as <code>cargo install</code> does. To build them, run <code>make build</code> in\n\
    the source tree; then copy <code>target/site</code> to a folder <code>site</code> beside the program, or name it with\n\
    <code>--web-dir</code> (<code>KEZ_CHAT_WEB_DIR</code>), and start the server again.</p>\n</html>\n";

/// Answers everything with the same page, and with the status that the real one would have.
pub(super) fn router(backend: Arc<dyn Backend>) -> Router {
    let profile = async move |Path(name): Path<String>| {
        let Some(handle) = name.strip_prefix('@').and_then(|name| Handle::for_lookup(name).ok()) else {
            return (StatusCode::NOT_FOUND, Html(PAGE));
        };
        let status = match backend.profile(&handle).await {
            Ok(Profile::Live(_)) => StatusCode::OK,
            Ok(Profile::Released { .. }) => StatusCode::GONE,
            Ok(Profile::Unknown) => StatusCode::NOT_FOUND,
            Err(Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Html(PAGE))
    };
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/{name}", get(profile))
        .fallback(async || (StatusCode::NOT_FOUND, Html(PAGE)))
}
