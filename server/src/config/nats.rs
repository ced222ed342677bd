//! The broker's settings: which NATS server, and with which keys.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use kez_core::nkey::{Nkey, NkeyKind};
use kez_core::text::decode;
use kez_http::bearer::{Given, Token};
use zeroize::Zeroizing;

use super::switch::switch;

/// Flags about the message broker. All seeds are needed once `--nats-url` is given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Message broker")]
pub struct NatsFlags {
    /// NATS servers, as nats://HOST:PORT or tls://HOST:PORT, with commas between them [default: no broker].
    #[arg(long, env = "KEZ_CHAT_NATS_URL", value_delimiter = ',', value_parser = server_url, value_name = "URL")]
    pub nats_url: Vec<String>,

    /// Where browsers reach the broker, as wss://HOST/PATH (ws:// on loopback only) [default: they do not].
    #[arg(long, env = "KEZ_CHAT_NATS_WS_URL", value_parser = websocket_url, value_name = "URL")]
    pub nats_ws_url: Option<String>,

    /// Seed of the account key that signs logins (SA…), or a file that holds it.
    #[arg(long, env = "KEZ_CHAT_NATS_ISSUER_SEED", hide_env_values = true, value_name = "SEED|FILE")]
    pub nats_issuer_seed: Option<SeedText>,

    /// Seed of the user in the account AUTH, which answers logins (SU…), or a file that holds it.
    #[arg(long, env = "KEZ_CHAT_NATS_AUTH_SEED", hide_env_values = true, value_name = "SEED|FILE")]
    pub nats_auth_seed: Option<SeedText>,

    /// Seed of the user in the account STORE, which keeps the inboxes (SU…), or a file that holds it.
    #[arg(long, env = "KEZ_CHAT_NATS_STORE_SEED", hide_env_values = true, value_name = "SEED|FILE")]
    pub nats_store_seed: Option<SeedText>,

    /// Seed of the user in the account SYS, which ends sessions (SU…), or a file that holds it.
    #[arg(long, env = "KEZ_CHAT_NATS_SYS_SEED", hide_env_values = true, value_name = "SEED|FILE")]
    pub nats_sys_seed: Option<SeedText>,

    /// Seed of the curve key that login requests are encrypted for (SX…), or a file that holds it [default: they are not].
    #[arg(long, env = "KEZ_CHAT_NATS_XKEY_SEED", hide_env_values = true, value_name = "SEED|FILE")]
    pub nats_xkey_seed: Option<SeedText>,

    /// Longest time until a session has to sign in anew, in seconds; up to a fifth less, so that not all do at once.
    #[arg(long, env = "KEZ_CHAT_NATS_SESSION_SECS", default_value_t = 1800, value_name = "SECS",
        value_parser = clap::value_parser!(u32).range(600..=3600))]
    pub nats_session_secs: u32,

    /// Let stock NATS clients in, which sign the bare nonce; the broker chooses that, so trust it.
    #[arg(long, env = "KEZ_CHAT_NATS_ALLOW_STOCK_NKEY", value_parser = switch, default_value = "off",
        default_missing_value = "on", num_args = 0..=1, action = clap::ArgAction::Set, value_name = "SWITCH")]
    pub nats_allow_stock_nkey: bool,

    /// Days that an inbox keeps a message that nobody fetches.
    #[arg(long, env = "KEZ_CHAT_NATS_INBOX_DAYS", default_value_t = 30, value_name = "DAYS",
        value_parser = clap::value_parser!(u16).range(1..=90))]
    pub nats_inbox_days: u16,

    /// Size of all inboxes together, in bytes; beyond it, senders are told to wait.
    #[arg(long, env = "KEZ_CHAT_NATS_INBOX_BYTES", default_value_t = 1 << 30, value_name = "BYTES",
        value_parser = clap::value_parser!(i64).range(1 << 20..))]
    pub nats_inbox_bytes: i64,

    /// Messages from one sender that an inbox holds; beyond it, that sender is told to wait.
    #[arg(long, env = "KEZ_CHAT_NATS_INBOX_PER_SENDER", default_value_t = 16, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub nats_inbox_per_sender: u16,

    /// Size of all mailboxes together, in bytes, which hold what belongs to conversations; beyond it, senders are told to wait.
    #[arg(long, env = "KEZ_CHAT_NATS_MAIL_BYTES", default_value_t = 4 << 30, value_name = "BYTES",
        value_parser = clap::value_parser!(i64).range(1 << 20..))]
    pub nats_mail_bytes: i64,

    /// Messages from one identity that a device's mailbox holds; beyond it, that identity is told to wait.
    #[arg(long, env = "KEZ_CHAT_NATS_MAIL_PER_SENDER", default_value_t = 256, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub nats_mail_per_sender: u16,

    /// Bearer token for POST /internal/nats/auth, at least 16 characters [default: there is no such path].
    #[arg(long, env = "KEZ_CHAT_INTERNAL_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub internal_token: Option<Given>,
}

/// The text of a secret as it was given: never shown, and judged only after parsing, because the parser repeats what it
/// refuses.
#[derive(Clone)]
pub struct SeedText(Arc<Zeroizing<String>>);

impl FromStr for SeedText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(SeedText(Arc::new(Zeroizing::new(text.to_owned()))))
    }
}

impl fmt::Debug for SeedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A seed, read and of the right kind. Shared and never copied; wiped when the last holder is gone.
#[derive(Clone)]
pub struct Seed {
    text: Arc<Zeroizing<String>>,
    public: Nkey,
}

impl Seed {
    /// The seed's text, for a library that signs with it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> Nkey {
        self.public
    }

    fn read(given: &SeedText, kind: NkeyKind) -> Result<Seed, String> {
        let given = given.0.trim();
        let letters = match kind {
            NkeyKind::Account => "SA",
            NkeyKind::User => "SU",
            NkeyKind::Curve => "SX",
            NkeyKind::Server => "SN",
        };
        let malformed = || format!("this is no seed that begins with {letters}, and no file that holds one");
        let is_seed = given.len() == 58 && given.starts_with('S');
        let text = if is_seed {
            Zeroizing::new(given.to_owned())
        } else {
            // A damaged seed is no path, and is not repeated either: seeds have no such characters.
            let is_path = given.contains(['/', '.', '\\']);
            let unread = |error| if is_path { format!("{given}: {error}") } else { malformed() };
            let read = Zeroizing::new(fs::read(given).map_err(unread)?);
            Zeroizing::new(decode(&read).ok_or_else(malformed)?.trim().to_owned())
        };
        let public = if kind == NkeyKind::Curve {
            nkeys::XKey::from_seed(&text).map(|key| key.public_key())
        } else {
            nkeys::KeyPair::from_seed(&text).map(|key| key.public_key())
        };
        let public: Nkey = public.map_err(|_| malformed())?.parse().map_err(|_| malformed())?;
        if public.kind() != kind {
            return Err(malformed());
        }
        Ok(Seed { text: Arc::new(text), public })
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed({}, secret)", self.public)
    }
}

/// What the flags came to.
#[derive(Clone, Debug, Default)]
pub struct Nats {
    /// The broker, if there is one.
    pub broker: Option<BrokerSettings>,
    /// Who signs logins; there is no callout without.
    pub issuer: Option<Seed>,
    /// The curve key that requests are encrypted for.
    pub xkey: Option<Seed>,
    /// The token of the internal path, if there is one.
    pub internal_token: Option<Token>,
}

/// How to reach the broker, and as whom.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// The servers' addresses.
    pub urls: Vec<String>,
    /// Answers logins.
    pub auth: Seed,
    /// Keeps the inboxes.
    pub store: Seed,
    /// Ends sessions.
    pub sys: Seed,
}

impl NatsFlags {
    /// Reads the seeds and checks that what belongs together is there.
    ///
    /// # Errors
    /// One line that names the flag and repeats no secret.
    pub fn resolve(&self) -> Result<Nats, String> {
        let read = |flag: &str, given: &Option<SeedText>, kind| {
            given.as_ref().map(|given| Seed::read(given, kind).map_err(|why| format!("--{flag}: {why}"))).transpose()
        };
        let issuer = read("nats-issuer-seed", &self.nats_issuer_seed, NkeyKind::Account)?;
        let auth = read("nats-auth-seed", &self.nats_auth_seed, NkeyKind::User)?;
        let store = read("nats-store-seed", &self.nats_store_seed, NkeyKind::User)?;
        let sys = read("nats-sys-seed", &self.nats_sys_seed, NkeyKind::User)?;
        let xkey = read("nats-xkey-seed", &self.nats_xkey_seed, NkeyKind::Curve)?;
        let broker = if self.nats_url.is_empty() {
            None
        } else {
            let needed = |flag: &str| format!("--nats-url needs --{flag}; kez-chat-server init makes all of them");
            if issuer.is_none() {
                return Err(needed("nats-issuer-seed"));
            }
            Some(BrokerSettings {
                urls: self.nats_url.clone(),
                auth: auth.ok_or_else(|| needed("nats-auth-seed"))?,
                store: store.ok_or_else(|| needed("nats-store-seed"))?,
                sys: sys.ok_or_else(|| needed("nats-sys-seed"))?,
            })
        };
        let internal_token = self.internal_token.as_ref().map(Given::read).transpose();
        let internal_token = internal_token.map_err(|why| format!("--internal-token: {why}"))?;
        if internal_token.is_some() && issuer.is_none() {
            return Err("--internal-token needs --nats-issuer-seed: without it nothing can be answered".to_owned());
        }
        Ok(Nats { broker, issuer, xkey, internal_token })
    }
}

fn server_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("nats://").or_else(|| text.strip_prefix("tls://"));
    let host = rest.ok_or("an address begins with nats:// or tls://")?.trim_end_matches('/');
    host.parse::<kez_core::ServerName>().map_err(|_| "an address is a scheme, a host and a port")?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// Browsers take a WebSocket without TLS only from pages without it, which are those on loopback.
pub(crate) fn websocket_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("wss://").or_else(|| text.strip_prefix("ws://"));
    let rest = rest.ok_or("an address begins with wss:// or ws://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    host.parse::<kez_core::ServerName>().map_err(|_| "an address is a scheme, a host and perhaps a path")?;
    // It becomes part of a header that says what pages may connect to.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    if path.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a path has letters, digits and - . _ ~ /".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y";

    fn given(text: &str) -> SeedText {
        text.parse().expect("any text")
    }

    #[test]
    fn a_seed_is_given_as_text_or_as_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("auth.nk");
        fs::write(&file, format!("{USER}\n")).expect("a file");
        for text in [USER, file.to_str().expect("UTF-8")] {
            let seed = Seed::read(&given(text), NkeyKind::User).expect("a seed");
            assert_eq!(seed.text(), USER);
            assert!(seed.public().to_string().starts_with("UAB2CB576P"));
            assert!(!format!("{seed:?} {:?}", given(text)).contains("SUAAA"));
        }
    }

    #[test]
    fn what_is_no_seed_is_refused_without_being_repeated() {
        let damaged = USER.replacen("CAM", "CAN", 1);
        for (text, kind) in [
            (USER, NkeyKind::Account),
            (damaged.as_str(), NkeyKind::User),
            (&USER[..57], NkeyKind::User),
            (&format!("\"{USER}\""), NkeyKind::User),
            ("/no/such", NkeyKind::User),
        ] {
            let why = Seed::read(&given(text), kind).expect_err("refused");
            assert!(!why.contains("SUAAA"), "{why}");
        }
    }

    #[test]
    fn addresses() {
        assert!(server_url("nats://127.0.0.1:4222").is_ok() && server_url("tls://nats.example:4222/").is_ok());
        assert!(server_url("http://x").is_err() && server_url("nats://u:p@x").is_err());
        assert!(websocket_url("wss://kez.example/nats").is_ok() && websocket_url("ws://127.0.0.1:8443").is_ok());
        for bad in ["https://kez.example", "wss://", "wss://a b/", "wss://kez.example/x;y", "wss://kez.example/ *"] {
            assert!(websocket_url(bad).is_err(), "{bad}");
        }
    }
}
