//! Paths: which part of the server answers, and the template that logs and metrics name instead of the path.

use http::{Method, Uri};

/// The path that says that the server runs.
pub(crate) const HEALTHZ: &str = "/v1/healthz";

/// The path of conversations' logs.
const LOG: &str = "/v1/conversations/log";

/// Who answers a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The API that pages of any origin may use.
    Public,
    /// The API for the operator's own programs.
    Internal,
    /// The web app.
    Page,
}

/// The template and the kind of a path. Everything below the API's prefixes is the API, also what does not exist.
pub(crate) fn of(path: &str) -> (&'static str, Kind) {
    let mut segments = path.split('/').skip(1);
    let first = segments.next().unwrap_or_default();
    match first {
        "v1" if is_chains(path) => (kez_sig_server::template(path), Kind::Public),
        "v1" => (api_template(segments.next(), segments.next(), segments.next()), Kind::Public),
        ".well-known" if path == "/.well-known/webfinger" => ("/.well-known/webfinger", Kind::Public),
        ".well-known" => ("/.well-known/*", Kind::Public),
        "internal" => ("/internal/*", Kind::Internal),
        "" => ("/", Kind::Page),
        "register" => ("/register", Kind::Page),
        "identity" => ("/identity", Kind::Page),
        "join" => ("/join", Kind::Page),
        "recover" => ("/recover", Kind::Page),
        "docs" => ("/docs", Kind::Page),
        "problems" => ("/problems/{code}", Kind::Page),
        "pkg" => ("/pkg/*", Kind::Page),
        profile if profile.starts_with('@') => ("/@{handle}", Kind::Page),
        _ => ("/*", Kind::Page),
    }
}

/// The method that a request is counted as: a log is read by POST, so that no address has the conversation's id.
pub(crate) fn counted_as<'a>(method: &'a Method, route: &str) -> &'a Method {
    if route == LOG { &Method::GET } else { method }
}

/// What a request costs at least, in units of a lookup for what reads and of a registration for what writes. A page is
/// rendered for each who asks; everything else beside the chains is as quick as a lookup.
pub(crate) fn cost(method: &Method, route: &str, uri: &Uri) -> u32 {
    match route {
        "/" | "/register" | "/identity" | "/join" | "/recover" | "/docs" | "/problems/{code}" | "/@{handle}" | "/*" => {
            4
        }
        // Fifty times as much is stored as of a registration.
        "/v1/keypackages" if *method == Method::POST => 4,
        "/v1/keypackages/claims" | "/v1/conversations" | "/v1/conversations/commits" if *method == Method::POST => 2,
        "/v1/readyz" | "/v1/u/{handle}/claims" => 2,
        _ => kez_sig_server::cost(method, route, uri),
    }
}

/// Whether the sigchain service answers.
fn is_chains(path: &str) -> bool {
    path == "/v1/export" || path.starts_with("/v1/sigchains/")
}

fn api_template(second: Option<&str>, third: Option<&str>, fourth: Option<&str>) -> &'static str {
    match (second, third, fourth) {
        (Some("healthz"), None, None) => HEALTHZ,
        (Some("readyz"), None, None) => "/v1/readyz",
        (Some("server"), None, None) => "/v1/server",
        (Some("openapi.json"), None, None) => "/v1/openapi.json",
        (Some("register"), None, None) => "/v1/register",
        (Some("release"), None, None) => "/v1/release",
        (Some("u"), Some(_), None) => "/v1/u/{handle}",
        (Some("u"), Some(_), Some("registration")) => "/v1/u/{handle}/registration",
        (Some("u"), Some(_), Some("claims")) => "/v1/u/{handle}/claims",
        (Some("k"), Some(_), Some(_)) => "/v1/k/{suite}/{hex}",
        (Some("pairings"), None, None) => "/v1/pairings",
        (Some("pairings"), Some(_), None) => "/v1/pairings/{code}",
        (Some("chat"), Some("instance"), None) => "/v1/chat/instance",
        (Some("keypackages"), None, None) => "/v1/keypackages",
        (Some("keypackages"), Some("claims"), None) => "/v1/keypackages/claims",
        (Some("conversations"), None, None) => "/v1/conversations",
        (Some("conversations"), Some("commits"), None) => "/v1/conversations/commits",
        (Some("conversations"), Some("log"), None) => LOG,
        _ => "/v1/*",
    }
}
