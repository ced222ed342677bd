//! The broker's configuration, for the machine itself and for a container.

use kez_core::ServerName;

use super::keys::Keys;
use super::settings::Settings;
use super::template::fill;

const TEMPLATE: &str = include_str!("templates/nats.conf");

/// With the addresses and the folder of the settings.
pub(super) fn native(settings: &Settings, server: &ServerName, keys: &Keys) -> String {
    let places = Places {
        described: "",
        listen: settings.nats_listen.to_string(),
        ws_listen: settings.nats_ws_listen.to_string(),
        http_listen: settings.nats_http_listen.to_string(),
        store_dir: settings.nats_store_dir().display().to_string(),
    };
    text(settings, server, keys, &places)
}

/// With those inside a container, whose published ports have the addresses of the settings.
pub(super) fn container(settings: &Settings, server: &ServerName, keys: &Keys) -> String {
    let places = Places {
        described: " inside a container",
        listen: "0.0.0.0:4222".to_owned(),
        ws_listen: "0.0.0.0:8443".to_owned(),
        http_listen: "0.0.0.0:8222".to_owned(),
        store_dir: "/data".to_owned(),
    };
    text(settings, server, keys, &places)
}

struct Places {
    described: &'static str,
    listen: String,
    ws_listen: String,
    http_listen: String,
    store_dir: String,
}

fn text(settings: &Settings, server: &ServerName, keys: &Keys, places: &Places) -> String {
    let origins = settings.origins(server).iter().map(|origin| format!("\"{origin}\"")).collect::<Vec<_>>().join(", ");
    let xkey = keys.xkey.as_ref().map_or(String::new(), |key| {
        format!("\n    # What the broker asks and is answered is encrypted.\n    xkey: {}", key.public())
    });
    let filled = fill(
        TEMPLATE,
        &[
            ("server", server.as_str()),
            ("where", places.described),
            ("listen", &places.listen),
            ("ws_listen", &places.ws_listen),
            ("http_listen", &places.http_listen),
            ("store_dir", &places.store_dir),
            ("origins", &origins),
            ("issuer", keys.issuer.public()),
            ("auth", keys.auth.public()),
            ("store", keys.store.public()),
            ("sys", keys.sys.public()),
            ("xkey", &xkey),
        ],
    );
    filled.to_string()
}
