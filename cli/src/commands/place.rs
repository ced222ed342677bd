//! Who one is, where one is at home, and the broker there: what a command about messages begins with.

use std::path::PathBuf;
use std::sync::Arc;

use super::home::Home;
use super::inbox::identity;
use super::key;
use crate::args::{BrokerArgs, KeyArgs};
use crate::broker::{BrokerUrl, Member};
use crate::failure::{Failure, Local};
use crate::{keyfile, output};

/// The key, its home server and the broker there.
pub(super) struct Place {
    pub(super) key_file: PathBuf,
    pub(super) member: Arc<Member>,
    pub(super) home: Home,
    pub(super) broker: BrokerUrl,
}

impl Place {
    /// Opens the key and asks the server.
    pub(super) fn find(keys: &KeyArgs, args: BrokerArgs) -> Result<Place, Failure> {
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
        let member = Arc::new(Member { key, chain, server: home.name.clone() });
        Ok(Place { key_file, member, home, broker })
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
