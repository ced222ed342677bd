//! The configuration: flags, and environment variables for each.

mod cache;
pub mod nats;
mod switch;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use ipnet::IpNet;
use kez_core::ServerName;
use kez_http::bearer::{Given, Token};
use kez_http::settings::{self, database, log_filter, network, origin};
use kez_sig_server::export::{Export, Mode};

use self::switch::switch;
use crate::init;

/// The kez-chat home server: handles whose keys were made in the browser, WebFinger, and the web app.
#[derive(Parser, Clone, Debug)]
#[command(name = "kez-chat-server", version, args_conflicts_with_subcommands = true)]
pub struct Config {
    /// Something else to do than to serve.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Address and port to listen on.
    #[arg(long, env = "KEZ_CHAT_BIND", default_value = "0.0.0.0:6969", value_name = "ADDR:PORT")]
    pub bind: SocketAddr,

    /// Database: the path of an SQLite file, also as sqlite:PATH. Made if there is none.
    #[arg(long, env = "KEZ_CHAT_DB", default_value = "kez-chat.db", value_parser = database, value_name = "PATH")]
    pub db: PathBuf,

    /// This server's name, the part of handle@server behind the @.
    #[arg(long, env = "KEZ_CHAT_SERVER", default_value = "kez.lat", value_name = "NAME")]
    pub server: ServerName,

    /// Where people and programs reach this server [default: https://<server>].
    #[arg(long, env = "KEZ_CHAT_PUBLIC_URL", value_parser = origin, value_name = "URL")]
    pub public_url: Option<String>,

    /// A sigchain server that keeps the chains instead, and is followed [default: this server itself].
    #[arg(long, env = "KEZ_CHAT_SIG_SERVER_URL", value_parser = origin, value_name = "URL")]
    pub sig_server_url: Option<String>,

    /// The bearer token that lets this server read the log of that sigchain server, if it wants one.
    #[arg(long, env = "KEZ_CHAT_SIG_SERVER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub sig_server_token: Option<Given>,

    /// Who may read the log of all chains at /v1/export: off (nobody), token (whoever shows the export token) or public.
    /// With handles' keys it lists everybody who has a chain.
    #[arg(long, env = "KEZ_CHAT_EXPORT", default_value = "off", hide_possible_values = true, value_name = "WHO")]
    pub export: Mode,

    /// The bearer token that /v1/export wants with --export token, at least 16 characters.
    #[arg(long, env = "KEZ_CHAT_EXPORT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub export_token: Option<Given>,

    /// Folder of the built site [default: `site` beside the program, share/kez-chat/site, or target/site].
    #[arg(long, env = "KEZ_CHAT_WEB_DIR", value_parser = folder, value_name = "DIR")]
    pub web_dir: Option<PathBuf>,

    /// Set by `cargo leptos watch`: nothing is cached, and pages reload by themselves.
    #[arg(long, env = "LEPTOS_WATCH", hide = true)]
    pub watch: bool,

    /// Networks of reverse proxies whose X-Forwarded-For is believed, with commas between them.
    #[arg(long, env = "KEZ_CHAT_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "CIDR")]
    pub trusted_proxies: Vec<IpNet>,

    /// Days that a released handle is kept for the key that released it.
    #[arg(long, env = "KEZ_CHAT_RELEASE_HOLD_DAYS", default_value_t = 365, value_name = "DAYS")]
    pub release_hold_days: u32,

    /// Address and port that serve Prometheus metrics [default: none].
    #[arg(long, env = "KEZ_CHAT_METRICS_BIND", value_name = "ADDR:PORT")]
    pub metrics_bind: Option<SocketAddr>,

    /// What to log: a level, or levels by module, such as info,sqlx=warn.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_parser = log_filter, value_name = "FILTER")]
    pub log: String,

    /// Registrations and releases a minute from one address; loopback is not limited.
    #[arg(long, env = "KEZ_CHAT_WRITES_PER_MINUTE", default_value = "60", value_name = "N")]
    pub writes_per_minute: NonZeroU32,

    /// Other requests a second from one address; loopback is not limited.
    #[arg(long, env = "KEZ_CHAT_READS_PER_SECOND", default_value = "100", value_name = "N")]
    pub reads_per_second: NonZeroU32,

    /// Memory for what was read and verified lately, in MiB, roughly: at least 8.
    #[arg(long, env = "KEZ_CHAT_CACHE_MIB", default_value = "256", value_parser = clap::value_parser!(u32).range(8..=65_536), value_name = "MIB")]
    pub cache_mib: u32,

    /// Whether this server looks at the proofs of claims, over HTTPS and the DNS: on or off.
    #[arg(long, env = "KEZ_CHAT_CLAIM_CHECKS", value_parser = switch, default_value = "on",
        default_missing_value = "on", num_args = 0..=1, action = clap::ArgAction::Set, value_name = "SWITCH")]
    pub claim_checks: bool,

    /// The message broker.
    #[command(flatten)]
    pub nats: nats::NatsFlags,
}

/// What the program can do besides serving.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Write a consistent copy of the database to a new file, also while a server runs on it.
    Backup {
        /// The file to write; it must not exist.
        file: PathBuf,
        /// The database to copy.
        #[arg(long, env = "KEZ_CHAT_DB", default_value = "kez-chat.db", value_parser = database, value_name = "PATH")]
        db: PathBuf,
    },
    /// Put a backup in the place of the database, while no server runs on it.
    ///
    /// The backup is checked first. What was there is put aside with its log, under a name with the time, and is lost in no
    /// case. To be run as root or as the server's user.
    Restore {
        /// The backup.
        file: PathBuf,
        /// The database that it takes the place of; it need not be there.
        #[arg(long, env = "KEZ_CHAT_DB", default_value = "kez-chat.db", value_parser = database, value_name = "PATH")]
        db: PathBuf,
    },
    /// Make the keys and the configuration of a broker and a server that belong together.
    ///
    /// Writes keys/, nats.conf, nats.container.conf, kez.env and docker-compose.yml into the folder; nothing in them is
    /// left to fill in. A second run with the same settings writes what is missing and changes nothing. Files that
    /// were edited, or made with other settings, are never overwritten: the first line that differs is named instead.
    Init(Box<init::Settings>),
    /// Look at a deployment and say what is wrong with it: database, server, broker, accounts, callout, clock, WebSocket.
    ///
    /// Reads the same environment as the server, for example (set -a; . DIR/kez.env; exec kez-chat-server doctor), and
    /// changes nothing. One line a check; exit code 1 when one fails.
    Doctor,
    /// Ask the server on this machine whether it answers; exit code 0 says that it does. For containers.
    Healthcheck {
        /// Where the server listens.
        #[arg(long, env = "KEZ_CHAT_BIND", default_value = "0.0.0.0:6969", value_name = "ADDR:PORT")]
        bind: SocketAddr,
    },
}

impl Config {
    /// Looks at what one flag says about another.
    fn check(&self) -> Result<(), String> {
        match &self.command {
            Some(Command::Init(settings)) => settings.check(),
            None | Some(Command::Doctor) => {
                self.nats.resolve().map(drop).and(self.export().map(drop)).and(self.sig_server_token().map(drop))
            }
            Some(_) => Ok(()),
        }
    }

    /// The public URL, without a slash at its end.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("https://{}", self.server))
    }

    /// The folder of the built site: the one that was named, or one in the places where builds and packages put it.
    #[must_use]
    pub fn web_dir(&self) -> Option<PathBuf> {
        let program = std::env::current_exe().ok();
        let beside = program.as_deref().and_then(Path::parent);
        let built_here = beside.filter(|folder| folder.ends_with("release") || folder.ends_with("debug"));
        let places = [
            beside.map(|folder| folder.join("site")),
            built_here.map(|folder| folder.join("../site")),
            beside.map(|folder| folder.join("../share/kez-chat/site")),
        ];
        self.web_dir.clone().or_else(|| places.into_iter().flatten().find(|place| place.join("pkg").is_dir()))
    }

    /// Who may read the log of all chains.
    ///
    /// # Errors
    /// One line that names the flag that is wrong.
    pub fn export(&self) -> Result<Export, String> {
        Export::of(self.export, self.export_token.as_ref())
    }

    /// What lets this server read the log of the sigchain server that it follows.
    ///
    /// # Errors
    /// One line that names the flag that is wrong.
    pub fn sig_server_token(&self) -> Result<Option<Token>, String> {
        let Some(given) = &self.sig_server_token else { return Ok(None) };
        if self.sig_server_url.is_none() {
            return Err("--sig-server-token needs --sig-server-url: nobody else is asked".to_owned());
        }
        given.read().map(Some).map_err(|why| format!("--sig-server-token: {why}"))
    }

    /// The sig server's URL, without a slash at its end.
    #[must_use]
    pub fn sig_server_url(&self) -> String {
        self.sig_server_url.clone().unwrap_or_else(|| self.public_url())
    }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

/// Parses the command line and the environment, or ends the program: with help or version as asked, or with one clear
/// line and exit code 2.
#[must_use]
pub fn parse_or_exit() -> Config {
    settings::parse_or_exit(Config::check)
}
