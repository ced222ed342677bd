//! A look at a broker before it is used: what it says of itself to whoever connects.

use std::time::Duration;

use kez_core::nats_login::Nonce;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// How long a broker may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest INFO line that is read, in bytes.
const MAX_INFO: u64 = 64 * 1024;
/// The port of an address that names none.
const DEFAULT_PORT: u16 = 4222;

/// The broker's INFO, as far as it matters.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Info {
    /// Its version, such as `2.15.1`.
    #[serde(default)]
    pub(crate) version: String,
    /// What it asks a client to sign; empty for none.
    #[serde(default)]
    pub(crate) nonce: String,
}

/// Why a broker cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Nobody answers there now; that may change.
    #[error("no broker answers at {0}")]
    Away(String),
    /// Something else answers.
    #[error("what answers at {0} is no NATS server")]
    Foreign(String),
    /// It has no auth callout.
    #[error("nats-server {0} has no auth callout, which came with 2.10; use 2.15.1 or newer")]
    TooOld(String),
    /// An acknowledgement removes whatever message it names.
    #[error(
        "nats-server {0} lets users acknowledge, and so remove, messages that wait for others; use 2.15.1 or newer"
    )]
    SharedReceipts(String),
    /// Nothing that clients sign would be fresh.
    #[error(
        "the broker gives clients no nonce, so nobody could prove a key to it; \
         its configuration needs users with an nkey, as kez-chat-server init writes them"
    )]
    NoNonce,
}

/// Connects as any client would, and looks at the INFO line.
pub(crate) async fn probe(url: &str) -> Result<Info, Unfit> {
    let info = tokio::time::timeout(PATIENCE, info(url)).await.unwrap_or_else(|_| Err(Unfit::Away(url.to_owned())))?;
    let mut numbers = info.version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    if (numbers.next(), numbers.next()) < (Some(2), Some(10)) {
        return Err(Unfit::TooOld(info.version));
    }
    if info.nonce.parse::<Nonce>().is_err() {
        return Err(Unfit::NoNonce);
    }
    Ok(info)
}

async fn info(url: &str) -> Result<Info, Unfit> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let has_port = authority.rsplit_once(':').is_some_and(|(host, _)| !host.starts_with('[') || host.ends_with(']'));
    let address = if has_port { authority.to_owned() } else { format!("{authority}:{DEFAULT_PORT}") };
    let away = |_| Unfit::Away(url.to_owned());
    let stream = TcpStream::connect(address).await.map_err(away)?;
    let mut line = Vec::new();
    BufReader::new(stream.take(MAX_INFO)).read_until(b'\n', &mut line).await.map_err(away)?;
    let text = line.strip_prefix(b"INFO ").ok_or_else(|| Unfit::Foreign(url.to_owned()))?;
    serde_json::from_slice(text).map_err(|_| Unfit::Foreign(url.to_owned()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn says(text: &'static str) -> Result<Info, Unfit> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("nats://{}", listener.local_addr().expect("an address"));
        let broker = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.write_all(text.as_bytes()).await.expect("it is sent");
        });
        let found = probe(&url).await;
        broker.await.expect("the broker ends");
        found
    }

    #[tokio::test]
    async fn a_broker_is_fit_or_unfit_for_a_reason() {
        let good = says("INFO {\"version\":\"2.10.0\",\"nonce\":\"aM28yb1GkNEYbdQ\",\"more\":[1]}\r\n").await;
        assert_eq!(good.map(|info| info.version), Ok("2.10.0".to_owned()));
        let cases = [
            ("INFO {\"version\":\"2.15.1\"}\r\n", Unfit::NoNonce),
            ("INFO {\"version\":\"2.15.1\",\"nonce\":\"short\"}\r\n", Unfit::NoNonce),
            ("INFO {\"version\":\"2.9.10\",\"nonce\":\"aM28yb1GkNEYbdQ\"}\r\n", Unfit::TooOld("2.9.10".to_owned())),
            ("INFO {\"version\":\"\",\"nonce\":\"aM28yb1GkNEYbdQ\"}\r\n", Unfit::TooOld(String::new())),
        ];
        for (text, why) in cases {
            assert_eq!(says(text).await.map(|_| ()), Err(why), "{text}");
        }
        for text in ["HTTP/1.1 400 Bad Request\r\n\r\n", "INFO nonsense\r\n", "", "INFO "] {
            assert!(matches!(says(text).await, Err(Unfit::Foreign(_))), "{text}");
        }
    }

    #[tokio::test]
    async fn nobody_there_may_change() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("nats://{}", listener.local_addr().expect("an address"));
        drop(listener);
        assert_eq!(probe(&url).await.map(|_| ()), Err(Unfit::Away(url)));
    }
}
