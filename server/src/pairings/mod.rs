//! The pairing relay: where the offer of a new device waits until the device that may sign fetches it by its code.
//!
//! In memory, bounded, and for ten minutes. Nothing here is trusted: an offer is public, proves itself, and is good for
//! one place of one chain; what adds the device is the event that the other device signs.

mod code;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use kez_core::sigchain::Offer;
use kez_core::{Hash, Timestamp};
use kez_http::limit::Rate;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

pub(crate) use code::PairingCode;

/// How long an offer waits, in seconds.
const LIFETIME_SECS: i64 = 600;
/// Offers that wait at once.
const MAX_WAITING: usize = 10_000;
/// Those of one client.
const MAX_PER_CLIENT: usize = 20;
/// Codes that one client may ask for in a minute.
const LOOKUPS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("60 is not zero");

/// The offers that wait.
pub(crate) struct Pairings {
    waiting: Mutex<HashMap<PairingCode, Waiting>>,
    max_waiting: usize,
    lookups: Rate,
}

struct Waiting {
    found: Found,
    /// Of the secret's text.
    secret: Hash,
    /// Who is counted for it; none for the machine itself.
    client: Option<IpAddr>,
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
    /// This client has enough of them; how long until one of those ends.
    Client(Duration),
    /// All have too many; how long until one of those ends.
    Full(Duration),
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
    pub(crate) fn new() -> Self {
        Pairings::of_at_most(MAX_WAITING)
    }

    fn of_at_most(max_waiting: usize) -> Self {
        Pairings { waiting: Mutex::default(), max_waiting, lookups: Rate::per_minute(LOOKUPS_PER_MINUTE) }
    }

    /// Takes an offer in; `random` gives random bytes.
    pub(crate) fn open<E>(
        &self,
        offer: Offer,
        client: Option<IpAddr>,
        now: Timestamp,
        random: impl Fn() -> Result<[u8; 32], E>,
    ) -> Result<Opened, NotOpened<E>> {
        let secret = Secret(Zeroizing::new(HEXLOWER.encode(&*Zeroizing::new(random().map_err(NotOpened::Random)?))));
        let mut waiting = self.alive(now);
        let room = |count: usize, max: usize, end: Option<Timestamp>| match end {
            Some(end) if count >= max => Err(Duration::from_secs(end.abs_diff(now))),
            _ => Ok(()),
        };
        let ends = |entry: &Waiting| entry.found.expires_at;
        let own = || waiting.values().filter(|entry| client.is_some() && entry.client == client);
        room(own().count(), MAX_PER_CLIENT, own().map(ends).min()).map_err(NotOpened::Client)?;
        room(waiting.len(), self.max_waiting, waiting.values().map(ends).min()).map_err(NotOpened::Full)?;
        let code = loop {
            let code = PairingCode::from_random(&random().map_err(NotOpened::Random)?);
            if !waiting.contains_key(&code) {
                break code;
            }
        };
        let expires_at = Timestamp::from_unix(now.unix() + LIFETIME_SECS);
        let found = Found { offer, expires_at };
        waiting.insert(code, Waiting { found, secret: Hash::of(secret.0.as_bytes()), client });
        Ok(Opened { code, secret, expires_at })
    }

    /// Counts a client's question for a code, so that nobody tries many.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn count_lookup(&self, client: Option<IpAddr>) -> Result<(), Duration> {
        self.lookups.check(client)
    }

    /// The offer that waits under a code.
    pub(crate) fn find(&self, code: PairingCode, now: Timestamp) -> Option<Found> {
        self.lock().get(&code).filter(|entry| entry.found.expires_at > now).map(|entry| entry.found.clone())
    }

    /// Puts another offer of the same key to the same chain in the place of one that waits, as long as that would.
    pub(crate) fn replace(
        &self,
        code: PairingCode,
        secret: &[u8],
        offer: Offer,
        now: Timestamp,
    ) -> Result<Found, NotChanged> {
        let mut waiting = self.lock();
        let found = &mut entry(&mut waiting, code, secret, now)?.found;
        if (found.offer.key(), found.offer.place().chain) != (offer.key(), offer.place().chain) {
            return Err(NotChanged::AnotherKey);
        }
        found.offer = offer;
        Ok(found.clone())
    }

    /// Takes an offer back.
    pub(crate) fn remove(&self, code: PairingCode, secret: &[u8], now: Timestamp) -> Result<(), NotChanged> {
        let mut waiting = self.lock();
        entry(&mut waiting, code, secret, now)?;
        waiting.remove(&code);
        Ok(())
    }

    /// Frees the memory of what ended.
    pub(crate) fn keep_house(&self, now: Timestamp) {
        self.alive(now).shrink_to_fit();
        self.lookups.forget_quiet();
    }

    /// The offers, without those that ended.
    fn alive(&self, now: Timestamp) -> MutexGuard<'_, HashMap<PairingCode, Waiting>> {
        let mut waiting = self.lock();
        waiting.retain(|_, entry| entry.found.expires_at > now);
        waiting
    }

    /// Every change is one step, so nothing is half done behind a panic.
    fn lock(&self) -> MutexGuard<'_, HashMap<PairingCode, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry that who knows `secret` may change. What is compared are hashes: how far they agree tells nothing.
fn entry<'a>(
    waiting: &'a mut HashMap<PairingCode, Waiting>,
    code: PairingCode,
    secret: &[u8],
    now: Timestamp,
) -> Result<&'a mut Waiting, NotChanged> {
    let entry = waiting.get_mut(&code).filter(|entry| entry.found.expires_at > now).ok_or(NotChanged::Unknown)?;
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

    #[test]
    fn memory_is_bounded_and_what_ended_makes_room() {
        let (pairings, random, offer) = (Pairings::of_at_most(100), counter(), offer());
        let open = |client, now| pairings.open(offer.clone(), client, time(now), &random).map(|opened| opened.code);
        let client = |number: usize| Some(IpAddr::from(u32::try_from(number).expect("small").to_be_bytes()));
        for number in 0..100 {
            let start = i64::from(number >= MAX_PER_CLIENT);
            assert!(open(client(number / MAX_PER_CLIENT), start).is_ok(), "{number}");
        }
        assert_eq!(open(client(0), 10), Err(NotOpened::Client(Duration::from_secs(590))));
        assert_eq!(open(client(9_999), 10), Err(NotOpened::Full(Duration::from_secs(590))));
        assert_eq!(open(None, 599), Err(NotOpened::Full(Duration::from_secs(1))), "the machine itself counts too");
        for _ in 0..MAX_PER_CLIENT {
            assert!(open(client(0), 600).is_ok(), "the first twenty ended");
        }
        assert_eq!(open(client(0), 600), Err(NotOpened::Client(Duration::from_secs(600))));
        pairings.keep_house(time(1_200));
        assert_eq!(pairings.lock().len(), 0);
    }

    #[test]
    fn a_code_that_is_taken_is_drawn_again() {
        let (pairings, draws) = (Pairings::new(), Cell::new(0));
        let open = |codes: [u8; 2]| {
            draws.set(0);
            let random = || {
                draws.set(draws.get() + 1);
                Ok::<_, ()>([if draws.get() <= 2 { codes[0] } else { codes[1] }; 32])
            };
            pairings.open(offer(), None, time(0), random).map(|opened| opened.code.to_string())
        };
        assert_eq!(open([1, 2]), Ok("11111-11111".to_owned()));
        assert_eq!(open([1, 2]), Ok("22222-22222".to_owned()));
    }
}
