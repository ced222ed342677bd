//! What `init` is told, and what follows from it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use kez_core::ServerName;

use crate::config::nats::websocket_url;
use crate::healthcheck::reachable;
use kez_http::settings::origin;

/// Networks that container engines give their containers. Only believed where the published port is on loopback.
const CONTAINER_NETWORKS: &str = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7";

/// The settings of `init`. All come from the command line: a server's environment would give one half of a pair.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// The server's name, the part of handle@server behind the @. It is in every signature: choose it for good.
    #[arg(long, required_unless_present_any = ["rotate_issuer", "upgrade"], value_name = "NAME")]
    pub server: Option<ServerName>,

    /// Folder to write, made if there is none.
    #[arg(long, value_parser = path, value_name = "DIR")]
    pub out: PathBuf,

    /// Address and port of the server.
    #[arg(long, value_parser = listen, default_value = "127.0.0.1:6969", value_name = "ADDR:PORT")]
    pub bind: SocketAddr,

    /// Address and port of the broker.
    #[arg(long, value_parser = listen, default_value = "127.0.0.1:4222", value_name = "ADDR:PORT")]
    pub nats_listen: SocketAddr,

    /// Address and port of the broker's WebSocket.
    #[arg(long, value_parser = listen, default_value = "127.0.0.1:8443", value_name = "ADDR:PORT")]
    pub nats_ws_listen: SocketAddr,

    /// Address and port of the broker's monitoring, which asks nobody who they are.
    #[arg(long, value_parser = listen, default_value = "127.0.0.1:8222", value_name = "ADDR:PORT")]
    pub nats_http_listen: SocketAddr,

    /// Where browsers load the pages from, with commas between several; the first is the public URL
    /// [default: https://<server>, for localhost http://<server> with the port of --bind].
    #[arg(long = "origin", value_parser = origin, value_delimiter = ',', value_name = "URL")]
    pub origin: Vec<String>,

    /// Where browsers reach the broker's WebSocket [default: wss://<host of the first origin>/nats, for localhost
    /// ws://<its address>].
    #[arg(long, value_parser = websocket_url, value_name = "URL")]
    pub nats_ws_url: Option<String>,

    /// The server's database [default: DIR/kez-chat.db].
    #[arg(long, value_parser = path, value_name = "PATH")]
    pub db: Option<PathBuf>,

    /// Where the broker keeps the inboxes [default: DIR/jetstream].
    #[arg(long, value_parser = path, value_name = "DIR")]
    pub nats_store_dir: Option<PathBuf>,

    /// Encrypt what broker and server say about logins; for a broker on another machine.
    #[arg(long)]
    pub xkey: bool,

    /// Replace the issuer key in a folder that is there, and change nothing else.
    #[arg(long, conflicts_with_all = ["bind", "nats_listen", "nats_ws_listen", "nats_http_listen", "origin", "nats_ws_url", "db", "nats_store_dir", "xkey"])]
    pub rotate_issuer: bool,

    /// Add what this release needs to a folder that an earlier one wrote, and change nothing else.
    #[arg(long, conflicts_with_all = ["server", "bind", "nats_listen", "nats_ws_listen", "nats_http_listen", "origin", "nats_ws_url", "db", "nats_store_dir", "xkey", "rotate_issuer"])]
    pub upgrade: bool,
}

impl Settings {
    /// What no single value shows.
    ///
    /// # Errors
    /// With the sentence for the operator.
    pub fn check(&self) -> Result<(), String> {
        let all = [
            ("--bind", self.bind),
            ("--nats-listen", self.nats_listen),
            ("--nats-ws-listen", self.nats_ws_listen),
            ("--nats-http-listen", self.nats_http_listen),
        ];
        for (i, (flag, address)) in all.iter().enumerate() {
            let clash = |other: &&(&str, SocketAddr)| {
                other.1.port() == address.port()
                    && (other.1.ip() == address.ip() || other.1.ip().is_unspecified() || address.ip().is_unspecified())
            };
            if let Some((other, _)) = all.iter().skip(i + 1).find(clash) {
                return Err(format!("{flag} and {other} are the same port; each needs one of its own"));
            }
        }
        Ok(())
    }

    /// Where browsers load the pages from; the first is the public URL.
    pub(super) fn origins(&self, server: &ServerName) -> Vec<String> {
        if !self.origin.is_empty() {
            return self.origin.clone();
        }
        if !is_loopback(server.as_str()) {
            return vec![format!("https://{server}")];
        }
        let has_port = port_start(server.as_str()).is_some();
        let port = if has_port || self.bind.port() == 80 { String::new() } else { format!(":{}", self.bind.port()) };
        vec![format!("http://{server}{port}")]
    }

    pub(super) fn public_url(&self, server: &ServerName) -> String {
        self.origins(server).swap_remove(0)
    }

    pub(super) fn nats_ws_url(&self, server: &ServerName) -> String {
        if let Some(url) = &self.nats_ws_url {
            return url.clone();
        }
        let public = self.public_url(server);
        match public.strip_prefix("http://") {
            Some(host) if is_loopback(host) => format!("ws://{}", reachable(self.nats_ws_listen)),
            // Browsers make no keys on such pages, so nobody there can log in.
            Some(_) => String::new(),
            None => format!("wss://{}/nats", public.trim_start_matches("https://")),
        }
    }

    pub(super) fn nats_url(&self) -> String {
        format!("nats://{}", reachable(self.nats_listen))
    }

    pub(super) fn db(&self) -> PathBuf {
        self.db.clone().unwrap_or_else(|| self.out.join("kez-chat.db"))
    }

    pub(super) fn nats_store_dir(&self) -> PathBuf {
        self.nats_store_dir.clone().unwrap_or_else(|| self.out.join("jetstream"))
    }

    /// A server on loopback is reached through a proxy on the same machine, unless its pages come from there.
    pub(super) fn trusted_proxies(&self, server: &ServerName) -> &'static str {
        if self.is_behind_proxy(server) { "127.0.0.1,::1" } else { "" }
    }

    pub(super) fn container_proxies(&self, server: &ServerName) -> &'static str {
        if self.is_behind_proxy(server) { CONTAINER_NETWORKS } else { "" }
    }

    fn is_behind_proxy(&self, server: &ServerName) -> bool {
        let public = self.public_url(server);
        let is_local = public.strip_prefix("http://").is_some_and(is_loopback);
        self.bind.ip().is_loopback() && !is_local
    }
}

/// Whether a host with an optional port is this machine to itself.
fn is_loopback(host: &str) -> bool {
    let host = port_start(host).map_or(host, |start| &host[..start]);
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Where `:port` begins.
fn port_start(host: &str) -> Option<usize> {
    host.rfind(':').filter(|start| !host[*start..].contains(']'))
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "an address is written 127.0.0.1:4222 or [::1]:4222".to_owned())?;
    if address.port() == 0 { Err("port 0 is another one at every start".to_owned()) } else { Ok(address) }
}

/// An absolute path that means the same to a shell, systemd, compose and the broker without quotes.
fn path(text: &str) -> Result<PathBuf, String> {
    let path = std::path::absolute(text).map_err(|error| error.to_string())?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    match path.to_str() {
        Some(text) if text.chars().all(plain) => Ok(path),
        _ => Err("a path has letters, digits and / . _ - + only: shells and systemd read it without quotes".to_owned()),
    }
}
