//! A compose file for the same deployment in containers.

use kez_core::ServerName;

use super::settings::Settings;
use super::template::fill;

const TEMPLATE: &str = include_str!("templates/docker-compose.yml");
/// The broker that containers run: the version that the tests hold to.
const NATS_VERSION: &str = "2.15.1";

/// The file's text.
pub(super) fn text(settings: &Settings, server: &ServerName) -> String {
    let filled = fill(
        TEMPLATE,
        &[
            ("server", server.as_str()),
            ("version", env!("CARGO_PKG_VERSION")),
            ("nats_version", NATS_VERSION),
            ("bind", &settings.bind.to_string()),
            ("listen", &settings.nats_listen.to_string()),
            ("ws_listen", &settings.nats_ws_listen.to_string()),
            ("http_listen", &settings.nats_http_listen.to_string()),
            ("trusted_proxies", settings.container_proxies(server)),
        ],
    );
    filled.to_string()
}
