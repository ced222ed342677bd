//! The headers that hold a browser to what the pages need, and to nothing else.

use axum::Router;
use http::{HeaderName, HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

/// For everything that is no page: it may be shown, and load nothing.
const BARE_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Features of the browser that no page of ours asks for. Copying to the clipboard needs `clipboard-write`.
const PERMISSIONS: &str = "accelerometer=(), camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), \
    geolocation=(), gyroscope=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// Adds the headers that are the same everywhere, where an answer does not bring its own.
pub(super) fn harden(router: Router) -> Router {
    let headers: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, BARE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    headers.into_iter().fold(router, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)))
    })
}

/// The policy of a page whose scripts carry `nonce` (Content Security Policy level 3). A module that such a script
/// imports inherits its nonce; `'wasm-unsafe-eval'` allows compiling wasm and no evaluation of text. `others` are
/// the places besides this server that a page may talk to: the message broker, and a server that keeps the chains.
/// `reload_port` is where the live reload of
/// a developer's machine listens.
pub(super) fn page_policy(nonce: &str, others: [Option<&str>; 2], reload_port: Option<u32>) -> String {
    let others: String = others.into_iter().flatten().map(|url| format!(" {url}")).collect();
    let reload = reload_port.map(|port| format!(" ws://localhost:{port} ws://127.0.0.1:{port}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{others}{reload}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
