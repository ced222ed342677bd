//! A connection that is logged in, for as long as it lasts.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerError};
use tokio::sync::watch;

use super::{BrokerUrl, Member};
use crate::clock;
use crate::failure::{Failure, Local};

/// From the first packet to the broker's word on the login: longer than a broker waits for the server's decision.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// One login at a broker. It ends when the broker ends it, at the latest when the login expires, and is not renewed.
pub(crate) struct Session {
    pub(super) client: Client,
    pub(super) member: Arc<Member>,
    /// Whether the broker said that this session may not send.
    pub(super) is_forbidden: watch::Receiver<bool>,
}

/// The connection is gone, or does not answer; a new session may do better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

impl Session {
    /// Connects and logs in.
    pub(crate) async fn open(url: &BrokerUrl, member: &Arc<Member>) -> Result<Session, Failure> {
        let (signer, spent) = (Arc::clone(member), Arc::new(AtomicBool::new(false)));
        let (forbid, is_forbidden) = watch::channel(false);
        let options = ConnectOptions::with_auth_callback(move |nonce| {
            let (signer, spent) = (Arc::clone(&signer), Arc::clone(&spent));
            async move { signer.log_in(&nonce, &spent) }
        })
        .event_callback(move |event| {
            if is_forbidding(&event) {
                forbid.send_replace(true);
            }
            std::future::ready(())
        })
        .name(concat!("kez/", env!("CARGO_PKG_VERSION")))
        .custom_inbox_prefix(member.subjects().reply_prefix())
        .connection_timeout(LOGIN_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        // Another address than the one that was named is nobody's business to send us to.
        .ignore_discovered_servers()
        .max_reconnects(1);
        let address = url.address();
        // In a task of its own, so that a panic of the library stays in there.
        match tokio::spawn(async move { options.connect(address).await }).await {
            Ok(Ok(client)) => Ok(Session { client, member: Arc::clone(member), is_forbidden }),
            Ok(Err(error)) => Err(why(url, member, &error)),
            Err(_) => Err(no_broker(url)),
        }
    }
}

/// Whether the broker says that what was sent is not allowed.
fn is_forbidding(event: &Event) -> bool {
    matches!(event, Event::ServerError(ServerError::Other(text)) if text.starts_with("Permissions Violation for Publish to \"kez.send."))
}

fn why(url: &BrokerUrl, member: &Member, error: &ConnectError) -> Failure {
    let detail = match error.kind() {
        ConnectErrorKind::AuthorizationViolation => return refused(url, member),
        ConnectErrorKind::Authentication => {
            return Failure::new(
                Local::NotABroker,
                format!("{url} does not send a nonce as NATS servers make them. Nothing was signed for it."),
            );
        }
        ConnectErrorKind::Dns => format!("The host of {url} is not known; check the spelling and the network."),
        ConnectErrorKind::TimedOut => format!("{url} did not answer in time; try again later."),
        ConnectErrorKind::Tls => no_tls(url, error),
        _ => match (source::<ServerError>(error), source::<io::Error>(error)) {
            (Some(_), _) => return refused(url, member),
            (None, Some(error)) => match error.kind() {
                io::ErrorKind::ConnectionRefused => format!("Nothing answers at {url}; is the broker running there?"),
                io::ErrorKind::InvalidInput => return no_broker(url),
                io::ErrorKind::InvalidData => no_tls(url, error),
                _ => format!("There is no connection to {url}: {error}."),
            },
            (None, None) => {
                return Failure::new(
                    Local::NotABroker,
                    format!("{url} does not answer as a broker does: {error:.200}."),
                );
            }
        },
    };
    Failure::new(Local::BrokerUnreachable, detail)
}

fn refused(url: &BrokerUrl, member: &Member) -> Failure {
    let (key, server) = (member.key.id(), &member.server);
    Failure::new(
        Local::BrokerRefused,
        format!(
            "The broker at {url} does not let {key} in: it takes keys that stand for a handle at {server}, while that \
             server is running, in four sessions at once at most."
        ),
    )
}

fn no_broker(url: &BrokerUrl) -> Failure {
    Failure::new(Local::NotABroker, format!("{url} answers, but not as a broker does. Is the address that of one?"))
}

fn no_tls(url: &BrokerUrl, error: &dyn Error) -> String {
    let clock = clock::suspicion(&error.to_string());
    format!("There is no secure connection to {url} ({error}); does that broker have a valid certificate?{clock}")
}

/// The first error of this kind that `error` comes from.
fn source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
