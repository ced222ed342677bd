//! The pairing relay: where the offer of a new device waits until the device that may sign fetches it by its code.
//!
//! In memory, bounded, and for ten minutes. Nothing here is trusted: an offer is public, proves itself, and is good for
//! one place of one chain; what adds the device is the event that the other device signs.

mod code;
mod heads;
mod table;

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use kez_core::sigchain::Offer;
use kez_core::{Hash, Timestamp};
use kez_http::client::Client;
use kez_http::limit::Rate;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

pub(crate) use code::PairingCode;
pub(crate) use heads::Heads;
use table::{Table, Waiting};

/// How long an offer waits, in seconds.
const LIFETIME_SECS: i64 = 600;
/// Codes that one client may ask for in a minute.
const LOOKUPS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

/// How many offers may wait.
#[derive(Clone, Debug)]
pub struct PairingLimits {
    /// Those of all. When there are more, whoever holds the most loses the oldest.
    pub waiting: usize,
    /// Those of one line: an IPv4 address or a /64, of which a /56 and a /48 hold two and four times as many.
    pub each: usize,
}

impl Default for PairingLimits {
    fn default() -> Self {
        PairingLimits { waiting: 10_000, each: 20 }
    }
}

/// The offers that wait.
pub(crate) struct Pairings {
    waiting: Mutex<Table>,
    limits: PairingLimits,
    lookups: Rate,
}

/// An offer that waits.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) offer: Offer,
    pub(crate) expires_at: Timestamp,
}

/// What who made an offer has to know.
pub(crate) struct Opened {
    pub(crate) code: PairingCode,
    pub(crate) secret: Secret,
    pub(crate) expires_at: Timestamp,
}

/// Lets who made an offer replace it or take it back: 64 lower-case hex digits. Wiped when dropped.
pub(crate) struct Secret(Zeroizing<String>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Why an offer was not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotOpened<E> {
    /// This client has enough of them, or its network has; how long until one of those ends.
    Enough(Duration),
    /// There is no randomness.
    Random(E),
}

/// Why an offer was not changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotChanged {
    /// Nothing waits under this code.
    Unknown,
    /// Somebody else made the offer.
    WrongSecret,
    /// It would offer another key, or offer it to another chain.
    AnotherKey,
}

impl Pairings {
    pub(crate) fn new(limits: PairingLimits) -> Self {
        Pairings { waiting: Mutex::default(), limits, lookups: Rate::per_minute(LOOKUPS_PER_MINUTE) }
    }

    /// Takes an offer in; `random` gives random bytes.
    pub(crate) fn open<E>(
        &self,
        offer: Offer,
        client: Client,
        now: Timestamp,
        random: impl Fn() -> Result<[u8; 32], E>,
    ) -> Result<Opened, NotOpened<E>> {
        let secret = Secret(Zeroizing::new(HEXLOWER.encode(&*Zeroizing::new(random().map_err(NotOpened::Random)?))));
        let mut waiting = self.alive(now);
        if let Some(end) = waiting.full_until(client, self.limits.each) {
            return Err(NotOpened::Enough(Duration::from_secs(end.abs_diff(now))));
        }
        let code = loop {
            let code = PairingCode::from_random(&random().map_err(NotOpened::Random)?);
            if waiting.get(code).is_none() {
                break code;
            }
        };
        let expires_at = Timestamp::from_unix(now.unix() + LIFETIME_SECS);
        waiting.insert(code, Found { offer, expires_at }, Hash::of(secret.0.as_bytes()), client);
        waiting.shrink_to(self.limits.waiting);
        Ok(Opened { code, secret, expires_at })
    }

    /// Counts a client's question for a code, so that nobody tries many.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn count_lookup(&self, client: Client) -> Result<(), Duration> {
        self.lookups.check(client, 1)
    }

    /// The offer that waits under a code.
    pub(crate) fn find(&self, code: PairingCode, now: Timestamp) -> Option<Found> {
        self.lock().get(code).filter(|entry| entry.found.expires_at > now).map(|entry| entry.found.clone())
    }

    /// Whether who knows `secret` may change what waits under a code.
    pub(crate) fn may_change(&self, code: PairingCode, secret: &[u8], now: Timestamp) -> Result<(), NotChanged> {
        entry(&mut self.lock(), code, secret, now).map(drop)
    }

    /// Whether who knows `secret` may put `offer` in the place of the one that waits under a code: it is of the same key
    /// to the same chain.
    pub(crate) fn may_replace(
        &self,
        code: PairingCode,
        secret: &[u8],
        offer: &Offer,
        now: Timestamp,
    ) -> Result<(), NotChanged> {
        replaceable(&mut self.lock(), code, secret, offer, now).map(drop)
    }

    /// Does it. The new offer waits as long as the first would have.
    pub(crate) fn replace(
        &self,
        code: PairingCode,
        secret: &[u8],
        offer: Offer,
        now: Timestamp,
    ) -> Result<Found, NotChanged> {
        let mut waiting = self.lock();
        let found = replaceable(&mut waiting, code, secret, &offer, now)?;
        found.offer = offer;
        Ok(found.clone())
    }

    /// Takes an offer back.
    pub(crate) fn remove(&self, code: PairingCode, secret: &[u8], now: Timestamp) -> Result<(), NotChanged> {
        let mut waiting = self.lock();
        entry(&mut waiting, code, secret, now)?;
        waiting.remove(code);
        Ok(())
    }

    /// Frees the memory of what ended.
    pub(crate) fn keep_house(&self, now: Timestamp) {
        self.alive(now).shrink_to_fit();
        self.lookups.forget_quiet();
    }

    /// The offers, without those that ended.
    fn alive(&self, now: Timestamp) -> MutexGuard<'_, Table> {
        let mut waiting = self.lock();
        waiting.forget_ended(now);
        waiting
    }

    /// Every change is one step, so nothing is half done behind a panic.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn replaceable<'a>(
    waiting: &'a mut Table,
    code: PairingCode,
    secret: &[u8],
    offer: &Offer,
    now: Timestamp,
) -> Result<&'a mut Found, NotChanged> {
    let found = &mut entry(waiting, code, secret, now)?.found;
    let is_same = (found.offer.key(), found.offer.place().chain) == (offer.key(), offer.place().chain);
    if is_same { Ok(found) } else { Err(NotChanged::AnotherKey) }
}

/// The entry that who knows `secret` may change. What is compared are hashes: how far they agree tells nothing.
fn entry<'a>(
    waiting: &'a mut Table,
    code: PairingCode,
    secret: &[u8],
    now: Timestamp,
) -> Result<&'a mut Waiting, NotChanged> {
    let entry = waiting.get_mut(code).filter(|entry| entry.found.expires_at > now).ok_or(NotChanged::Unknown)?;
    if entry.secret == Hash::of(secret) { Ok(entry) } else { Err(NotChanged::WrongSecret) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use kez_core::SigningKey;
    use kez_core::sigchain::Place;

    use super::*;

    fn offer() -> Offer {
        let key = |seed| SigningKey::from_seed(&[seed; 32]);
        let place = Place { chain: key(1).id(), seq: 2, prev: Some(Hash::of(b"before")) };
        Offer::new(&place, &key(2), None).expect("the chain has begun")
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_779_678_000 + seconds)
    }

    /// Counts, which is random enough for a test that wants no two alike.
    fn counter() -> impl Fn() -> Result<[u8; 32], ()> {
        let count = Cell::new(0_usize);
        move || {
            count.set(count.get() + 1);
            Ok(std::array::from_fn(|at| (count.get() >> (5 * at.min(9)) & 31) as u8))
        }
    }

    fn at(address: &str) -> Client {
        Client::At(address.parse().expect("an address"))
    }

    fn limits(waiting: usize) -> PairingLimits {
        PairingLimits { waiting, ..PairingLimits::default() }
    }

    #[test]
    fn a_network_has_its_share_and_what_ended_makes_room() {
        let (pairings, random, offer) = (Pairings::new(limits(1_000)), counter(), offer());
        let open = |client, now| pairings.open(offer.clone(), client, time(now), &random).map(|opened| opened.code);
        let line = |number: usize| at(&format!("2001:db8:0:{number:x}::1"));
        for number in 0..80 {
            assert!(open(line(0x100 * (number / 20)), i64::from(number >= 20)).is_ok(), "{number}");
        }
        assert_eq!(open(line(0), 10), Err(NotOpened::Enough(Duration::from_secs(590))));
        assert_eq!(open(line(0x400), 10), Err(NotOpened::Enough(Duration::from_secs(590))), "the /48 has 80");
        assert!(open(at("2001:db8:1::1"), 10).is_ok());
        assert!((0..100).all(|_| open(Client::Local([127, 0, 0, 1].into()), 10).is_ok()));
        for _ in 0..20 {
            assert!(open(line(0x400), 600).is_ok(), "the first twenty ended");
        }
        assert_eq!(open(line(0x500), 600), Err(NotOpened::Enough(Duration::from_secs(1))));
        pairings.keep_house(time(1_200));
        assert_eq!(pairings.lock().len(), 0);
    }

    #[test]
    fn whoever_holds_the_most_makes_room() {
        let (pairings, random, offer) = (Pairings::new(limits(100)), counter(), offer());
        let open = |client| pairings.open(offer.clone(), client, time(0), &random).map(|opened| opened.code);
        let is_there =
            |code: &Result<PairingCode, _>| code.as_ref().is_ok_and(|code| pairings.find(*code, time(1)).is_some());
        let modest: Vec<_> = (0..20_u8).map(|last| open(Client::At([198, 51, 100, last].into()))).collect();
        // Twenty networks that want everything, as many as they may.
        let greedy: Vec<_> =
            (0..1_600).map(|n| open(at(&format!("2001:db8:{:x}:{:x}::1", n % 20, n / 400 * 0x100)))).collect();
        assert_eq!(pairings.lock().len(), 100);
        assert!(modest.iter().all(is_there), "whoever has one keeps it");
        assert_eq!(greedy.iter().filter(|code| is_there(code)).count(), 80);
        assert!(greedy[1_580..].iter().all(is_there), "the newest of each of them is there");
        assert!(!greedy[..380].iter().any(is_there), "the oldest went");
        let newcomer = open(at("203.0.113.9"));
        assert!(is_there(&newcomer) && modest.iter().all(is_there));
    }

    #[test]
    fn a_code_that_is_taken_is_drawn_again() {
        let (pairings, draws) = (Pairings::new(limits(100)), Cell::new(0));
        let open = |codes: [u8; 2]| {
            draws.set(0);
            let random = || {
                draws.set(draws.get() + 1);
                Ok::<_, ()>([if draws.get() <= 2 { codes[0] } else { codes[1] }; 32])
            };
            pairings.open(offer(), at("192.0.2.1"), time(0), random).map(|opened| opened.code.to_string())
        };
        assert_eq!(open([1, 2]), Ok("11111-11111".to_owned()));
        assert_eq!(open([1, 2]), Ok("22222-22222".to_owned()));
    }
}
