//! Limits by address: so many envelopes a minute, so many other requests a second.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use http::Method;

/// Counts requests by client address.
pub struct Limiter {
    writes: Rate,
    reads: Rate,
}

impl Limiter {
    /// The whole minute's or two seconds' worth may come at once.
    #[must_use]
    pub fn new(writes_per_minute: NonZeroU32, reads_per_second: NonZeroU32) -> Self {
        let burst = reads_per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let reads = Rate::of(Quota::per_second(reads_per_second).allow_burst(burst));
        Limiter { writes: Rate::per_minute(writes_per_minute), reads }
    }

    /// Counts a request. The machine's own programs are not limited.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, client: IpAddr, method: &Method) -> Result<(), Duration> {
        let rate = if matches!(*method, Method::POST | Method::PUT) { &self.writes } else { &self.reads };
        rate.check(counted(client))
    }

    /// Forgets addresses that were quiet, so that memory stays bounded by the recent ones.
    pub fn forget_quiet(&self) {
        self.writes.forget_quiet();
        self.reads.forget_quiet();
    }
}

/// So much of one thing for each client.
pub struct Rate {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Rate {
    /// The whole minute's worth may come at once.
    #[must_use]
    pub fn per_minute(count: NonZeroU32) -> Self {
        Rate::of(Quota::per_minute(count))
    }

    fn of(quota: Quota) -> Self {
        Rate { limiter: DefaultKeyedRateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts one for `client`, whom [`counted`] names; nobody is not limited.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        let Some(client) = client else { return Ok(()) };
        self.limiter.check_key(&client).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Forgets who was quiet.
    pub fn forget_quiet(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// Whom to count for a client at this address: an IPv6 client by its /64, which is what one customer gets; nobody for
/// the machine itself.
#[must_use]
pub fn counted(client: IpAddr) -> Option<IpAddr> {
    match client.to_canonical() {
        client if client.is_loopback() => None,
        IpAddr::V6(address) => Some(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))),
        v4 @ IpAddr::V4(_) => Some(v4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_address_and_not_loopback() {
        let two = NonZeroU32::MIN.saturating_add(1);
        let limiter = Limiter::new(two, two);
        let ask = |address: &str| limiter.check(address.parse().expect("an address"), &Method::POST).is_ok();
        assert_eq!([ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.1")], [true, true, false]);
        assert!(ask("192.0.2.2"));
        // One customer's network is one client; a mapped IPv4 address is itself.
        assert_eq!([ask("2001:db8::1"), ask("2001:db8::2"), ask("2001:db8::3")], [true, true, false]);
        assert!(!ask("::ffff:192.0.2.1"));
        assert!((0..10).all(|_| ask("127.0.0.1") && ask("::1")));
    }
}
