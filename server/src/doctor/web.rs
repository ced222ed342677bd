//! What is reached over HTTP: the server itself, and the broker's WebSocket as a browser would open it.

use std::time::Duration;

use kez_store::sqlite::{self as files, Holder};
use serde::Deserialize;
use ureq::http::Uri;

use super::Finding;
use crate::config::Config;
use crate::config::nats::Nats;
use crate::front::ORIGIN;
use crate::healthcheck::reachable;
use crate::routes::HEALTHZ;
use crate::web::site::{self, Fit};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// An origin that nobody's pages have.
const FOREIGN: &str = "https://elsewhere.invalid";

#[derive(Deserialize)]
struct Info {
    server: String,
    nats_issuer: Option<String>,
}

/// Whether the server runs, with the settings that the doctor was given.
pub(super) async fn server(config: &Config, nats: &Nats) -> Finding {
    let url = format!("http://{}/v1/server", reachable(config.bind));
    let (name, wanted) = ("server", nats.issuer.as_ref().map(|issuer| issuer.public().to_string()));
    let asked = url.clone();
    let answer = blocking(move || {
        let mut answer = agent().get(&asked).call().map_err(|error| error.to_string())?;
        let body = answer.body_mut().read_to_vec().map_err(|error| error.to_string())?;
        serde_json::from_slice::<Info>(&body).map_err(|_| "this is no kez-chat-server".to_owned())
    });
    match answer.await {
        Err(why) => {
            let advice = match files::holder(&config.db) {
                Ok(Holder::Process(who)) => format!(
                    "{who} has {} open and does not answer there, so no other server can start: stop it, or set \
                     KEZ_CHAT_BIND to where it listens",
                    config.db.display()
                ),
                _ => "start kez-chat-server, or look at its log".to_owned(),
            };
            Finding::failed(name, format!("{url}: {why}; {advice}"))
        }
        Ok(info) if !config.server.matches(&info.server) => Finding::failed(
            name,
            format!("{url} calls itself {:.80}, not {}; KEZ_CHAT_SERVER differs", info.server, config.server),
        ),
        Ok(info) if info.nats_issuer != wanted => {
            Finding::failed(name, format!("{url} runs with another issuer than these settings; start it again"))
        }
        Ok(_) => Finding::ok(name, format!("{url} is {}", config.server)),
    }
}

/// Whether the server learns of the proxy in front of it whose requests it brings. What is behind the public address is
/// asked, as anybody would.
pub(super) async fn forwarding(config: &Config) -> Finding {
    let (name, url) = ("proxy", config.public_url());
    let asked = format!("{url}{HEALTHZ}");
    let answer = blocking(move || {
        let answer = agent().get(&asked).call().map_err(|error| error.to_string())?;
        let origin = answer.headers().get(ORIGIN.as_str()).and_then(|value| value.to_str().ok());
        origin.map(str::to_owned).ok_or_else(|| "it does not answer like this server".to_owned())
    });
    match answer.await.as_deref() {
        Ok("forwarded") => Finding::ok(name, format!("{url} says whose requests it brings")),
        Ok("direct") if config.trusted_proxies.is_empty() => Finding::ok(name, format!("{url} is reached without one")),
        Ok("unnamed") => Finding::failed(
            name,
            format!(
                "{url} sends no X-Forwarded-For that can be read, so all its clients are limited as one; let the proxy set \
                 it to the client's address"
            ),
        ),
        Ok(_) => Finding::failed(
            name,
            format!(
                "{url} is no trusted proxy, so its clients are limited as one, or not at all; put its address into \
                 KEZ_CHAT_TRUSTED_PROXIES"
            ),
        ),
        Err(why) => Finding::skipped(name, format!("{url} cannot be asked from here: {why}")),
    }
}

/// Whether the pages belong to this program.
pub(super) fn site(config: &Config) -> Finding {
    let name = "site";
    let Some(dir) = config.web_dir() else {
        return Finding::skipped(
            name,
            "there are no pages: build them with `make build`, and name target/site with --web-dir (KEZ_CHAT_WEB_DIR)",
        );
    };
    let (at, this) = (dir.display(), env!("CARGO_PKG_VERSION"));
    match site::fit(&dir) {
        Some(Fit::Same) => Finding::ok(name, format!("{at} is of version {this}")),
        Some(Fit::Other(other)) => Finding::failed(
            name,
            format!("{at} is of version {other:.80} and this program of {this}; install both from one build"),
        ),
        Some(Fit::Unsaid) => Finding::failed(
            name,
            format!("{at} does not say which version it is; install program and site from one build"),
        ),
        None => Finding::failed(name, format!("{at} has no built site; make build makes one")),
    }
}

/// Whether the broker's WebSocket takes this server's pages and no others.
pub(super) async fn websocket(config: &Config) -> Finding {
    let name = "websocket";
    let Some(url) = config.nats.nats_ws_url.clone() else {
        return Finding::skipped(name, "KEZ_CHAT_NATS_WS_URL is not set: pages do not reach the broker");
    };
    let (own, http) = (config.public_url(), url.replacen("ws", "http", 1));
    let ask = |origin: String| {
        let http = http.clone();
        blocking(move || upgrade(&http, &origin))
    };
    match (ask(own.clone()).await, ask(FOREIGN.to_owned()).await) {
        (Err(why), _) | (_, Err(why)) => Finding::failed(name, format!("{url}: {why}")),
        (Ok(101), Ok(403)) => Finding::ok(name, format!("{url} takes pages of {own} and no others")),
        (Ok(101), Ok(other)) => Finding::failed(
            name,
            format!("{url} answers {other} to pages of any origin; set allowed_origins: [\"{own}\"] in nats.conf"),
        ),
        (Ok(403), _) => Finding::failed(
            name,
            format!(
                "{url} refuses pages of {own}; put it into allowed_origins in nats.conf and start the broker again"
            ),
        ),
        (Ok(other), _) => Finding::failed(
            name,
            format!(
                "{url} answers {other} where 101 was expected; let the proxy pass the upgrade through to the broker"
            ),
        ),
    }
}

/// The status that a WebSocket's opening handshake is answered with (RFC 6455 section 4.1).
fn upgrade(url: &str, origin: &str) -> Result<u16, String> {
    let uri: Uri = url.parse().map_err(|_| "this is no address".to_owned())?;
    let request = agent().get(uri).header("Upgrade", "websocket").header("Connection", "Upgrade");
    let request = request.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", "a2V6LWNoYXQgZG9jdG9yIQ==");
    let answer = request.header("Origin", origin).call();
    answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
    config.max_redirects(0).max_redirects_will_error(false).proxy(None).build().into()
}

async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(ask).await.map_err(|error| error.to_string())?
}
