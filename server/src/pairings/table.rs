//! The places themselves: at most so many, and a fair share of them for every network.

use std::collections::{BTreeMap, HashMap};

use kez_core::{Hash, Timestamp};
use kez_http::client::Client;
use kez_http::limit::Census;

use super::{Found, PairingCode};

/// The offers that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Table {
    waiting: HashMap<PairingCode, Waiting>,
    /// The codes by the number that each place got.
    order: BTreeMap<u64, PairingCode>,
    next: u64,
    census: Census,
}

/// An offer, and whose it is.
pub(super) struct Waiting {
    pub(super) found: Found,
    /// Of the secret's text.
    pub(super) secret: Hash,
    pub(super) client: Client,
    number: u64,
}

impl Table {
    pub(super) fn get(&self, code: PairingCode) -> Option<&Waiting> {
        self.waiting.get(&code)
    }

    pub(super) fn get_mut(&mut self, code: PairingCode) -> Option<&mut Waiting> {
        self.waiting.get_mut(&code)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes an offer in under a code that names nothing yet.
    pub(super) fn insert(&mut self, code: PairingCode, found: Found, secret: Hash, client: Client) {
        let number = self.next;
        self.next += 1;
        self.census.add(client);
        self.order.insert(number, code);
        self.waiting.insert(code, Waiting { found, secret, client, number });
    }

    pub(super) fn remove(&mut self, code: PairingCode) {
        if let Some(gone) = self.waiting.remove(&code) {
            self.order.remove(&gone.number);
            self.census.remove(gone.client);
        }
    }

    /// When the first of a client's networks that holds `each` times its share has room again, if one does.
    pub(super) fn full_until(&self, client: Client, each: usize) -> Option<Timestamp> {
        let full = self.census.full(client, each)?;
        let own = self.waiting.values().filter(|entry| entry.client.networks().any(|network| network == full));
        own.map(|entry| entry.found.expires_at).min()
    }

    /// Takes places away until there are at most `max`: the oldest of whoever holds the most.
    pub(super) fn shrink_to(&mut self, max: usize) {
        while self.waiting.len() > max {
            let codes: Vec<_> = self.order.values().copied().collect();
            let holders = codes.iter().filter_map(|code| Some(self.waiting.get(code)?.client));
            let Some(greediest) = self.census.greediest(holders) else { return };
            self.remove(codes[greediest]);
        }
    }

    /// Frees the places of what has ended.
    pub(super) fn forget_ended(&mut self, now: Timestamp) {
        let ended: Vec<_> =
            self.waiting.iter().filter(|(_, entry)| entry.found.expires_at <= now).map(|(code, _)| *code).collect();
        ended.into_iter().for_each(|code| self.remove(code));
    }

    /// Gives back memory.
    pub(super) fn shrink_to_fit(&mut self) {
        self.waiting.shrink_to_fit();
    }
}
