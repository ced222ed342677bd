//! The configuration: flags, and environment variables for each.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use ipnet::IpNet;
use kez_core::{KeyId, PublicKey, ServerName, Suite};
use kez_http::bearer::Given;
use kez_http::settings::{self, database, log_filter, network, origin};

use crate::export::{Export, Mode};

/// The sigchain server: append-only logs of key events, verified before they are stored.
#[derive(Parser, Clone, Debug)]
#[command(name = "kez-sig-server", version)]
pub struct Config {
    /// Something else to do than to serve.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Address and port to listen on.
    #[arg(long, env = "KEZ_SIG_BIND", default_value = "0.0.0.0:7878", value_name = "ADDR:PORT")]
    pub bind: SocketAddr,

    /// Database: the path of an SQLite file, also as sqlite:PATH. Made if there is none; the key that signs receipts
    /// is kept beside it.
    #[arg(long, global = true, env = "KEZ_SIG_DB", default_value = "kez-sig.db", value_parser = database, value_name = "PATH")]
    pub db: PathBuf,

    /// The name of the server that chains of this store name as their home.
    #[arg(long, env = "KEZ_SIG_SERVER", default_value = "kez.lat", value_name = "NAME")]
    pub server: ServerName,

    /// Where people and programs reach this server [default: https://<server>].
    #[arg(long, env = "KEZ_SIG_PUBLIC_URL", value_parser = origin, value_name = "URL")]
    pub public_url: Option<String>,

    /// The chat server that knows which keys own handles: their chains may start here [default: https://<server>; none
    /// is asked when others may start chains too].
    #[arg(long, env = "KEZ_SIG_REGISTRY_URL", value_parser = origin, value_name = "URL")]
    pub registry_url: Option<String>,

    /// Chains of keys without a handle that may start in an hour.
    #[arg(long, env = "KEZ_SIG_OPEN_GENESIS_PER_HOUR", default_value_t = 0, value_name = "N")]
    pub open_genesis_per_hour: u32,

    /// Keys of other servers whose receipts are believed when a log is imported, with commas between them.
    #[arg(long, env = "KEZ_SIG_TRUSTED_RECEIPT_KEYS", value_delimiter = ',', value_parser = key, value_name = "KEY")]
    pub trusted_receipt_keys: Vec<KeyId>,

    /// Who may read the log of all chains at /v1/export, as whoever follows this server does: off (nobody), token (whoever
    /// shows the export token) or public.
    #[arg(long, env = "KEZ_SIG_EXPORT", default_value = "public", hide_possible_values = true, value_name = "WHO")]
    pub export: Mode,

    /// The bearer token that /v1/export wants with --export token, at least 16 characters.
    #[arg(long, env = "KEZ_SIG_EXPORT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub export_token: Option<Given>,

    /// Networks of reverse proxies whose X-Forwarded-For is believed, with commas between them.
    #[arg(long, env = "KEZ_SIG_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "CIDR")]
    pub trusted_proxies: Vec<IpNet>,

    /// What to log: a level, or levels by module, such as info,sqlx=warn.
    #[arg(long, global = true, env = "RUST_LOG", default_value = "info", value_parser = log_filter, value_name = "FILTER")]
    pub log: String,

    /// Events and imports a minute from one address; loopback is not limited.
    #[arg(long, env = "KEZ_SIG_WRITES_PER_MINUTE", default_value = "60", value_name = "N")]
    pub writes_per_minute: NonZeroU32,

    /// Other requests a second from one address; loopback is not limited.
    #[arg(long, env = "KEZ_SIG_READS_PER_SECOND", default_value = "100", value_name = "N")]
    pub reads_per_second: NonZeroU32,

    /// Memory for chains that were read and verified lately, in MiB, roughly: at least 8.
    #[arg(long, env = "KEZ_SIG_CACHE_MIB", default_value = "256", value_parser = clap::value_parser!(u32).range(8..=65_536), value_name = "MIB")]
    pub cache_mib: u32,
}

/// What the program can do besides serving.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Check every entry of the store, also while a server runs on it, and print what was found as JSON.
    Verify,
    /// Write a consistent copy of the database to a new file, also while a server runs on it.
    Backup {
        /// The file to write; it must not exist.
        file: PathBuf,
    },
    /// Put a backup in the place of the database, while no server runs on it; what was there is put aside.
    Restore {
        /// The backup.
        file: PathBuf,
    },
}

impl Config {
    /// The chat server to ask about handles, without a slash at its end.
    #[must_use]
    pub fn registry_url(&self) -> Option<String> {
        let default = || (self.open_genesis_per_hour == 0).then(|| format!("https://{}", self.server));
        self.registry_url.clone().or_else(default)
    }

    /// Who may read the log of all chains.
    ///
    /// # Errors
    /// One line that names the flag that is wrong.
    pub fn export(&self) -> Result<Export, String> {
        Export::of(self.export, self.export_token.as_ref())
    }

    /// The public URL, without a slash at its end.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("https://{}", self.server))
    }
}

fn key(text: &str) -> Result<KeyId, String> {
    let key: KeyId = text.trim().parse().map_err(|error: kez_core::key::MalformedKey| error.to_string())?;
    match PublicKey::try_from(&key) {
        Ok(_) if key.suite() == Suite::Ed25519 => Ok(key),
        Ok(_) => Err("receipts are signed with ed25519 keys".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses the command line and the environment, or ends the program: with help or version as asked, or with one clear
/// line and exit code 2.
#[must_use]
pub fn parse_or_exit() -> Config {
    settings::parse_or_exit(|config: &Config| config.export().map(drop))
}
