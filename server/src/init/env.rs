//! The server's settings as a file of environment variables, in the one form that systemd, docker and shells share.

use kez_core::ServerName;
use zeroize::Zeroizing;

use super::keys::Keys;
use super::settings::Settings;
use super::template::fill;
use crate::healthcheck::reachable;

const TEMPLATE: &str = include_str!("templates/kez.env");
const SIGCHAIN_TEMPLATE: &str = include_str!("templates/kez-sig.env");
/// The variable that holds the issuer's seed, or the path of its file.
pub(super) const ISSUER_SEED: &str = "KEZ_CHAT_NATS_ISSUER_SEED";

/// The file's text, with the seeds in it.
pub(super) fn text(settings: &Settings, server: &ServerName, keys: &Keys) -> Zeroizing<String> {
    let xkey = keys.xkey.as_ref().map(|key| {
        fill("\n# Decrypts what the broker asks.\nKEZ_CHAT_NATS_XKEY_SEED={{xkey}}", &[("xkey", key.seed())])
    });
    fill(
        TEMPLATE,
        &[
            ("server", server.as_str()),
            ("public_url", &settings.public_url(server)),
            ("bind", &settings.bind.to_string()),
            ("db", &settings.db().display().to_string()),
            ("trusted_proxies", settings.trusted_proxies(server)),
            ("nats_url", &settings.nats_url()),
            ("nats_ws_url", &settings.nats_ws_url(server)),
            ("issuer", keys.issuer.seed()),
            ("auth", keys.auth.seed()),
            ("store", keys.store.seed()),
            ("sys", keys.sys.seed()),
            ("xkey", xkey.as_ref().map_or("", |text| text)),
        ],
    )
}

/// The text of the sigchain server's file: a program of its own, that is given no secret.
pub(super) fn sigchain(settings: &Settings, server: &ServerName) -> Zeroizing<String> {
    fill(
        SIGCHAIN_TEMPLATE,
        &[
            ("server", server.as_str()),
            ("public_url", &settings.public_url(server)),
            ("db", &settings.db().with_file_name("kez-sig.db").display().to_string()),
            ("registry_url", &format!("http://{}", reachable(settings.bind))),
            ("trusted_proxies", settings.trusted_proxies(server)),
        ],
    )
}

/// The value of a variable, of the last line that sets it.
pub(super) fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
}
