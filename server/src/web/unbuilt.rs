//! What is shown where no site was built.

use axum::Router;
use axum::response::Html;
use http::StatusCode;

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>kez-chat</title>\n\
    <h1>The pages are not built yet</h1>\n\
    <p>The JSON API works: see <a href=\"/v1/server\">/v1/server</a> and <a href=\"/docs\">/docs</a>.</p>\n\
    <p>To build the pages, run <code>make build</code> in the source tree and start the server again, or point\n\
    <code>--web-dir</code> (<code>KEZ_CHAT_WEB_DIR</code>) at a built site.</p>\n</html>\n";

/// Answers everything with the same page; only `/` says that it is there.
pub(super) fn router() -> Router {
    Router::new()
        .route("/", axum::routing::get(|| async { Html(PAGE) }))
        .fallback(|| async { (StatusCode::NOT_FOUND, Html(PAGE)) })
}
