//! `kez inbox`: contact requests, to and from other identities of the same home server.

mod backoff;
mod identity;
mod refusal;
mod send;
mod senders;
mod stop;
mod watch;

use std::sync::Arc;

use super::home::Home;
use super::key;
use crate::args::{BrokerArgs, InboxCommand, KeyArgs};
use crate::broker::{BrokerUrl, Member};
use crate::failure::{Failure, Local};
use crate::{keyfile, output};

/// Runs the command.
pub(super) fn run(keys: &KeyArgs, command: InboxCommand) -> Result<(), Failure> {
    match command {
        InboxCommand::Watch { broker, count, timeout, no_ack } => {
            watch::run(Place::find(keys, broker)?, &watch::Wanted { count, timeout, keep: no_ack })
        }
        InboxCommand::Send { to, broker } => send::run(Place::find(keys, broker)?, &to),
    }
}

/// The key, its home server and the broker there.
struct Place {
    member: Arc<Member>,
    home: Home,
    broker: BrokerUrl,
}

impl Place {
    fn find(keys: &KeyArgs, args: BrokerArgs) -> Result<Place, Failure> {
        let key_file = keyfile::path(keys.file.as_deref())?;
        let key = key::unlock(&key_file, keys)?;
        let home = Home::of(&key_file, key.id(), args.home.server, args.home.server_name.as_ref())?;
        let broker = match args.nats_url {
            Some(url) => url,
            None => told(&home)?,
        };
        if broker.is_exposed() {
            output::warn(&format!("{broker} is not encrypted: whoever is on the way can read along and answer."));
        }
        let chain = identity::own_chain(&home, &key.id())?;
        Ok(Place { member: Arc::new(Member { key, chain, server: home.name.clone() }), home, broker })
    }
}

fn told(home: &Home) -> Result<BrokerUrl, Failure> {
    let url = home.client.url();
    let text = home.broker.as_deref().ok_or_else(|| {
        Failure::new(Local::NoBroker, format!("{url} tells of no broker; if there is one, name it with --nats-url."))
    })?;
    text.parse().map_err(|malformed| {
        Failure::new(Local::NotAServer, format!("{url} says that its broker is at {text:.200}, but {malformed}."))
    })
}
