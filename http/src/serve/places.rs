//! The connections that are open: who may have one more, and who kept the server waiting for too long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::limits::{ConnectionLimits, Patience};
use super::peer::{Peer, Phase};
use super::per_second::PerSecond;
use crate::client::Client;
use crate::limit::Census;

/// How often the log is told at most of connections that were refused.
const TOLD: Duration = Duration::from_secs(60);
/// Connections without a place that are answered in a second. A flood of them costs others less when it is only cut.
const ANSWERED: u32 = 64;

/// All connections of a listener.
pub(super) struct Places {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

struct Open {
    peers: HashMap<u64, (Arc<Peer>, Option<Client>)>,
    next: u64,
    census: Census,
    /// Connections that there was no place for since the log was told.
    refused: u64,
    told: Option<Instant>,
    /// Those of them that were told why.
    answered: PerSecond,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// This address, or its network, has enough of them.
    Enough,
    /// All are taken.
    Full,
    /// Either, and so many others heard so just now that this one does not.
    Flood,
}

/// A connection that kept the server waiting for longer than this.
pub(super) struct Overdue {
    peer: Arc<Peer>,
    patience: Patience,
}

impl Overdue {
    /// Ends the connection, if it still keeps the server waiting.
    pub(super) fn cut(&self) {
        if !self.peer.is_worked_for() && self.peer.is_overdue(self.patience) {
            self.peer.cut.notify_one();
        }
    }
}

/// A place for a connection, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    pub(super) peer: Arc<Peer>,
}

impl Places {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        let (peers, census) = (HashMap::new(), Census::default());
        let open = Open { peers, next: 0, census, refused: 0, told: None, answered: PerSecond::new(ANSWERED) };
        Arc::new(Places { limits: limits.within_open_files(), open: Mutex::new(open) })
    }

    /// A place for a connection from `address`. That of a proxy is counted among all, and for no client.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, is_proxy: bool, now: Instant) -> Result<Place, NoPlace> {
        // The machine's own programs are counted here like anybody else: rates spare them, and places are for all.
        let client = (!is_proxy).then(|| Client::At(address.to_canonical()));
        let mut open = self.lock();
        let is_full = open.peers.len() >= self.limits.all;
        if is_full || client.is_some_and(|client| open.census.full(client, self.limits.each).is_some()) {
            open.refused += 1;
            metrics::counter!("http_connections_refused_total").increment(1);
            return Err(match is_full {
                _ if !open.answered.take(now) => NoPlace::Flood,
                true => NoPlace::Full,
                false => NoPlace::Enough,
            });
        }
        client.into_iter().for_each(|client| open.census.add(client));
        let (number, peer) = (open.next, Arc::new(Peer::new(now)));
        open.next += 1;
        open.peers.insert(number, (peer.clone(), client));
        Ok(Place { places: self.clone(), number, peer })
    }

    /// How often to look for those that are [`Places::overdue`].
    pub(super) fn rounds(&self) -> Duration {
        (self.limits.patience / 60).clamp(Duration::from_millis(10), Duration::from_millis(500))
    }

    /// The connections of those who kept the server waiting for too long. The fewer places are left, of all or of
    /// somebody's network, the shorter that is.
    pub(super) fn overdue(&self) -> Vec<Overdue> {
        let open = self.lock();
        let of_all = self.limits.patience(open.peers.len(), self.limits.all);
        let waiting = open.peers.values().filter(|(peer, _)| !peer.is_worked_for());
        let overdue = waiting.filter_map(|(peer, client)| {
            let networks = client.iter().flat_map(|client| client.networks());
            let of_each = networks.map(|network| {
                self.limits.patience(open.census.held(network), self.limits.each * network.share() as usize)
            });
            let patience = of_each.fold(of_all, Patience::min);
            peer.is_overdue(patience).then(|| Overdue { peer: peer.clone(), patience })
        });
        overdue.collect()
    }

    /// Tells the log how many connections were refused, if any were, and once a minute at most.
    pub(super) fn tell(&self, now: Instant) {
        let mut open = self.lock();
        if open.refused > 0 && open.told.is_none_or(|told| now.duration_since(told) >= TOLD) {
            tracing::warn!(refused = open.refused, open = open.peers.len(), "there was no place for some connections");
            (open.refused, open.told) = (0, Some(now));
        }
    }

    /// Ends the connections that never said anything.
    pub(super) fn cut_new(&self) {
        self.lock()
            .peers
            .values()
            .filter(|(peer, _)| peer.phase() == Phase::New)
            .for_each(|(peer, _)| peer.cut.notify_one());
    }

    /// Every change is one step, so nothing is half done behind a panic.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// How long to wait for a body before looking how much has come.
    pub(super) fn body_window(&self) -> Duration {
        self.places.limits.patience / 6
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.lock();
        if let Some((_, Some(client))) = open.peers.remove(&self.number) {
            open.census.remove(client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_without_a_place_are_told_why_in_a_second() {
        let places = Places::new(ConnectionLimits { each: 1, ..ConnectionLimits::default() });
        let now = Instant::now();
        let take = |millis| places.take([127, 0, 0, 1].into(), false, now + Duration::from_millis(millis));
        let _held = take(0).expect("a place");
        let told = |millis| (0..1_000).filter(|_| take(millis).err() == Some(NoPlace::Enough)).count();
        assert_eq!([0, 999, 1_000, 5_000].map(told), [64, 0, 64, 64]);
        assert_eq!(take(5_500).err(), Some(NoPlace::Flood));
    }
}
