//! How much of something a client may have in a time, by the generic cell rate algorithm (ITU-T I.371, annex A): each
//! network has a time at which it has paid for everything that it took, and that time may lie so far ahead and no
//! further.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::{Client, Network};

/// Tables, so that many threads seldom wait for one.
const SHARDS: usize = 16;
/// Networks in one table; all of them take some 10 MB. When one is full of networks that still owe something, all are
/// forgiven: whoever commands as many networks has no use for it, and nobody else is shut out.
const NETWORKS: usize = 8_192;

/// Bursts that a client may owe at most.
const DEBT: u64 = 10;

/// So much of one thing for each client. A client is counted in all its networks at once, and each must have enough
/// left: see [`Network::share`].
pub struct Rate {
    started: Instant,
    /// What one unit takes to be paid for, in nanoseconds.
    unit: u64,
    /// Units that may be taken at once.
    burst: u32,
    hasher: RandomState,
    /// When each network has paid for everything, in nanoseconds since the start.
    paid: [Mutex<HashMap<Network, u64>>; SHARDS],
}

impl Rate {
    /// So many units a minute, of which all may come at once.
    #[must_use]
    pub fn per_minute(units: NonZeroU32) -> Self {
        Rate::new(units, Duration::from_secs(60), units)
    }

    /// So many units in each `time`; `burst` of them may come at once.
    #[must_use]
    pub fn new(units: NonZeroU32, time: Duration, burst: NonZeroU32) -> Self {
        let unit = (nanos(time) / u64::from(units.get())).max(1);
        let (hasher, paid) = (RandomState::new(), std::array::from_fn(|_| Mutex::default()));
        Rate { started: Instant::now(), unit, burst: burst.get(), hasher, paid }
    }

    /// Takes `cost` units for a client, or none at all; a cost beyond the burst is the burst, so that nothing is never
    /// had.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, client: Client, cost: u32) -> Result<(), Duration> {
        self.check_at(client, cost, Instant::now())
    }

    /// The same at a time.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check_at(&self, client: Client, cost: u32, now: Instant) -> Result<(), Duration> {
        let Some(mut paid) = self.table_of(client) else { return Ok(()) };
        let now = self.since_start(now);
        let cost = self.unit.saturating_mul(u64::from(cost.min(self.burst)));
        let latest = now.saturating_add(self.ahead());
        let mut taken = [None; 3];
        let mut wait = 0;
        for (place, network) in taken.iter_mut().zip(client.networks()) {
            let before = paid.get(&network).map_or(now, |paid| (*paid).max(now));
            let after = before.saturating_add(cost / u64::from(network.share()));
            wait = wait.max(after.saturating_sub(latest));
            *place = Some((network, after));
        }
        if wait > 0 {
            return Err(Duration::from_nanos(wait));
        }
        write(&mut paid, taken.into_iter().flatten(), now);
        Ok(())
    }

    /// Takes `cost` units whether the client has them or not. A debt is at most [`DEBT`] bursts, so that it ends.
    pub fn charge(&self, client: Client, cost: u32) {
        self.charge_at(client, cost, Instant::now());
    }

    /// The same at a time.
    pub fn charge_at(&self, client: Client, cost: u32, now: Instant) {
        let Some(mut paid) = self.table_of(client) else { return };
        let now = self.since_start(now);
        let latest = now.saturating_add(self.ahead().saturating_mul(1 + DEBT));
        let cost = self.unit.saturating_mul(u64::from(cost));
        let mut taken = [None; 3];
        for (place, network) in taken.iter_mut().zip(client.networks()) {
            let before = paid.get(&network).map_or(now, |paid| (*paid).max(now));
            *place = Some((network, before.saturating_add(cost / u64::from(network.share())).min(latest.max(before))));
        }
        write(&mut paid, taken.into_iter().flatten(), now);
    }

    /// Forgets who has paid for everything.
    pub fn forget_quiet(&self) {
        self.forget_quiet_at(Instant::now());
    }

    fn forget_quiet_at(&self, now: Instant) {
        let now = self.since_start(now);
        for table in &self.paid {
            let mut paid = lock(table);
            paid.retain(|_, paid| *paid > now);
            paid.shrink_to_fit();
        }
    }

    /// The table of a client that is counted. All its networks are in one, that of the widest.
    fn table_of(&self, client: Client) -> Option<MutexGuard<'_, HashMap<Network, u64>>> {
        let widest = client.networks().last()?;
        let shard = usize::try_from(self.hasher.hash_one(widest) % SHARDS as u64).unwrap_or_default();
        Some(lock(&self.paid[shard]))
    }

    /// How far ahead of now a network may have been served.
    fn ahead(&self) -> u64 {
        self.unit.saturating_mul(u64::from(self.burst))
    }

    fn since_start(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.started))
    }
}

fn write(paid: &mut HashMap<Network, u64>, taken: impl Iterator<Item = (Network, u64)>, now: u64) {
    if paid.len() >= NETWORKS {
        paid.retain(|_, paid| *paid > now);
        if paid.len() >= NETWORKS {
            paid.clear();
        }
    }
    paid.extend(taken);
}

/// Every change is one step, so nothing is half done behind a panic.
fn lock(table: &Mutex<HashMap<Network, u64>>) -> MutexGuard<'_, HashMap<Network, u64>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn number(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("a number of things")
    }

    fn at(address: &str) -> Client {
        Client::At(address.parse().expect("an address"))
    }

    /// How many requests of this cost get through now.
    fn taken(rate: &Rate, now: Instant, cost: u32, mut client: impl FnMut(u32) -> Client) -> u32 {
        (0..1_000).map(|n| u32::from(rate.check_at(client(n), cost, now).is_ok())).sum()
    }

    #[test]
    fn units_come_back_with_time() {
        let (rate, now) = (Rate::per_minute(number(6)), Instant::now());
        let client = at("192.0.2.1");
        assert_eq!(taken(&rate, now, 1, |_| client), 6);
        assert_eq!(rate.check_at(client, 1, now), Err(Duration::from_secs(10)));
        assert_eq!(rate.check_at(client, 3, now), Err(Duration::from_secs(30)));
        assert_eq!(taken(&rate, now + Duration::from_secs(10), 1, |_| client), 1);
        assert_eq!(
            taken(&rate, now + Duration::from_secs(3_600), 1, |_| client),
            6,
            "no more than a burst is saved up"
        );
        assert_eq!(taken(&rate, now, 1, |_| at("192.0.2.2")), 6, "others are others");
    }

    #[test]
    fn what_costs_more_comes_less_often() {
        let (rate, now) = (Rate::new(number(10), Duration::from_secs(1), number(20)), Instant::now());
        assert_eq!(taken(&rate, now, 5, |_| at("192.0.2.1")), 4);
        assert_eq!(taken(&rate, now, 1_000, |_| at("192.0.2.2")), 1, "the dearest is a whole burst");
        assert_eq!(rate.check_at(at("192.0.2.2"), 1_000, now), Err(Duration::from_secs(2)));
    }

    #[test]
    fn a_debt_is_paid_before_anything_else_is_had() {
        let (rate, now) = (Rate::new(number(10), Duration::from_secs(1), number(20)), Instant::now());
        let client = at("192.0.2.1");
        rate.charge_at(client, 1_000_000, now);
        assert_eq!(rate.check_at(client, 1, now), Err(Duration::from_millis(20_100)), "ten bursts of debt at most");
        assert_eq!(rate.check_at(client, 1, now + Duration::from_millis(20_100)), Ok(()));
        rate.charge_at(at("192.0.2.2"), 15, now);
        assert_eq!(taken(&rate, now, 1, |_| at("192.0.2.2")), 5);
    }

    #[test]
    fn wider_networks_have_a_little_more() {
        let (rate, now) = (Rate::per_minute(number(10)), Instant::now());
        let address = |n: u32, line: u32| at(&format!("2001:db8:0:{line:x}::{n:x}"));
        assert_eq!(taken(&rate, now, 1, |n| address(n, 0)), 10, "a /64 is one client");
        assert_eq!(taken(&rate, now, 1, |n| address(1, n % 256)), 10, "a /56 two, of which one is used up");
        assert_eq!(taken(&rate, now, 1, |n| address(1, 256 + n % 256)), 20);
        assert_eq!(taken(&rate, now, 1, |n| address(1, n)), 0, "a /48 four");
        assert_eq!(taken(&rate, now, 1, |_| at("2001:db8:1::1")), 10);
        assert_eq!(taken(&rate, now, 1, |_| at("::ffff:192.0.2.1")), 10);
        assert_eq!(taken(&rate, now, 1, |_| at("192.0.2.1")), 0, "a mapped IPv4 address is itself");
    }

    #[test]
    fn what_is_refused_costs_nobody_anything() {
        let (rate, now) = (Rate::per_minute(number(10)), Instant::now());
        assert_eq!(taken(&rate, now, 1, |_| at("2001:db8::1")), 10);
        assert_eq!(taken(&rate, now, 1, |_| at("2001:db8:0:1::1")), 10, "neighbours have what is left of the /56");
    }

    #[test]
    fn the_machines_own_programs_are_not_counted_and_the_unnamed_are_one() {
        let (rate, now) = (Rate::per_minute(number(10)), Instant::now());
        let address = |text: &str| text.parse().expect("an address");
        assert_eq!(taken(&rate, now, 1, |_| Client::Local(address("127.0.0.1"))), 1_000);
        let proxies = [address("127.0.0.1"), address("10.0.0.1")];
        assert_eq!(taken(&rate, now, 1, |n| Client::Unnamed(proxies[n as usize % 2])), 10);
    }

    #[test]
    fn memory_is_bounded_by_the_recent() {
        let (rate, now) = (Rate::per_minute(number(10)), Instant::now());
        let count = |rate: &Rate| rate.paid.iter().map(|table| lock(table).len()).sum::<usize>();
        for n in 0..150_000_u32 {
            assert_eq!(rate.check_at(Client::At(IpAddr::from(n.to_be_bytes())), 1, now), Ok(()));
        }
        assert!(count(&rate) <= SHARDS * NETWORKS, "{}", count(&rate));
        let (rate, now) = (Rate::new(number(1_000_000), Duration::from_secs(1), number(10)), Instant::now());
        for n in 0..1_000_u32 {
            assert_eq!(rate.check_at(Client::At(IpAddr::from(n.to_be_bytes())), 1, now), Ok(()));
        }
        rate.forget_quiet_at(now + Duration::from_secs(1));
        assert_eq!(count(&rate), 0);
    }
}
