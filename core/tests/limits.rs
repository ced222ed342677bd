//! How much of a chain a server takes.
#![cfg(not(target_arch = "wasm32"))]

use kez_core::canonical::Object;
use kez_core::receipt::Receipt;
use kez_core::sigchain::{
    Arrival, Body, Chain, Claim, Limits, MAX_AUDIT_BYTES, Place, Possession, Reason, RevokeReason, Role, Step,
    Unverified,
};
use kez_core::{Hash, KeyId, SigningKey, Timestamp};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A chain, the clock of its server, and what that takes.
struct Log {
    chain: Chain,
    now: i64,
    limits: Limits,
    arrival: Arrival,
}

const DAY: i64 = 86_400;

impl Log {
    /// A chain of key 1, with 2 as its recovery key.
    fn start(limits: Limits) -> Log {
        let (primary, recovery) = (key(1).id(), key(2).id());
        let mut log = Log { chain: Chain::new(primary), now: 1_779_678_000, limits, arrival: Arrival::Alone };
        let server = "kez.lat".parse().expect("a name");
        let body = Body::Genesis { primary, rotation_keys: vec![recovery, primary], server };
        assert_eq!(log.add_at(&Place::genesis(primary), &body, &key(1)), Ok(()));
        log
    }

    fn judge(&self, place: &Place, body: &Body, signer: &SigningKey) -> Step {
        let event = Unverified::parse(&place.sign(body, Timestamp::from_unix(0), signer)).expect("an event");
        let event = self.chain.authenticate(event).expect("a good signature");
        self.chain.judge(event, Timestamp::from_unix(self.now)).expect("a legal event")
    }

    /// Adds an event at `place` if the server takes it.
    fn add_at(&mut self, place: &Place, body: &Body, signer: &SigningKey) -> Result<(), Reason> {
        let step = self.judge(place, body, signer);
        self.chain.within_limits(&step, &self.limits, self.arrival)?;
        self.chain.commit(step);
        Ok(())
    }

    fn add(&mut self, body: &Body, signer: &SigningKey) -> Result<(), Reason> {
        self.add_at(&self.chain.next(), body, signer)
    }

    /// Adds an event of exactly so many bytes.
    fn fill(&mut self, bytes: u64, signer: &SigningKey) -> Result<(), Reason> {
        let claim = |proof: usize| Body::ClaimAdd {
            claim: Claim { r#type: "x".into(), subject: "x".into(), proof: "x".repeat(proof) },
        };
        let least = self.chain.next().sign(&claim(1), Timestamp::from_unix(0), signer).len();
        let more = usize::try_from(bytes).expect("it is small").checked_sub(least).expect("no event is that small");
        let before = self.chain.bytes();
        self.add(&claim(more + 1), signer)?;
        assert_eq!(self.chain.bytes(), before + bytes);
        Ok(())
    }

    fn device(&self, device: &SigningKey) -> Body {
        let pop = Possession { place: &self.chain.next(), role: Role::Device, enc_key: None }.prove(device);
        Body::AddDeviceKey { key: device.id(), enc_key: None, pop }
    }
}

fn claim(n: usize) -> Body {
    Body::ClaimAdd { claim: Claim { r#type: "dns".into(), subject: format!("{n}.example"), proof: "p".into() } }
}

fn note() -> Body {
    Body::Unlisted { name: "note".into(), critical: Some(false), body: Object::new() }
}

fn rotation(place: &Place, primary: &SigningKey, others: &[KeyId]) -> Body {
    let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(primary);
    let rotation_keys = others.iter().copied().chain([primary.id()]).collect();
    Body::RotatePrimary { primary: primary.id(), rotation_keys, pop }
}

const FULL: Result<(), Reason> = Err(Reason::LimitReached);

/// The numbers alone.
fn numbers() -> Limits {
    Limits { a_day: usize::MAX, bytes: u64::MAX, ..Limits::default() }
}

#[test]
fn the_contract() {
    let Limits { devices, claims, unlisted, by_device, a_day, reason, bytes, reserve, entries } = Limits::default();
    assert_eq!((devices, claims, unlisted, by_device), (64, 64, 64, 1_000));
    assert_eq!((a_day, reason, bytes, reserve, entries), (100, 200, 1_048_576, 65_536, 10_000));
}

/// An audit log of nothing but the smallest events, each displaced, with receipts of a server with the longest name.
#[test]
fn readers_are_ready_for_every_log_within_the_limits() {
    let mut log = Log::start(numbers());
    let mut smallest = usize::MAX;
    for body in [
        Body::Unlisted { name: "x".into(), critical: Some(false), body: Object::new() },
        Body::Deactivate { reason: None },
        Body::ClaimRemove { claim: Hash::of(b"") },
    ] {
        smallest = smallest.min(log.chain.next().sign(&body, Timestamp::from_unix(0), &key(1)).len());
    }
    assert_eq!(log.fill(2_000, &key(1)), Ok(()));
    let entries = 1_048_576_u64.div_ceil(smallest as u64);
    let receipt = Receipt {
        chain: key(1).id(),
        seq: entries,
        hash: Hash::of(b""),
        received_at: Timestamp::from_unix(0),
        log_index: 1 << 53,
        server: format!("{}example:65535", ("x".repeat(60) + ".").repeat(3)).parse().expect("a name"),
    };
    let around = r#"{"event":,"received_at":"2026-05-25T03:00:00Z","receipt":,"nullified_by":""},"#.len();
    let entry = smallest + around + receipt.sign(&key(8)).len() + Hash::of(b"").to_string().len();
    let largest = usize::try_from(entries).expect("it is small") * entry;
    assert!(largest < MAX_AUDIT_BYTES / 4 * 3, "{largest}: {entries} entries of {entry}");
}

#[test]
fn claims_devices_and_unlisted_events() {
    let mut log = Log::start(numbers());
    for n in 0..64 {
        assert_eq!(log.add(&claim(n), &key(1)), Ok(()));
    }
    assert_eq!(log.add(&claim(64), &key(1)), FULL);
    let first = log.chain.id_at(2).expect("a claim");
    assert_eq!(log.add(&Body::ClaimRemove { claim: first }, &key(1)), Ok(()));
    assert_eq!(log.add(&claim(64), &key(1)), Ok(()));

    for n in 100..164 {
        assert_eq!(log.add(&log.device(&key(n)), &key(1)), Ok(()));
    }
    assert_eq!(log.add(&log.device(&key(99)), &key(1)), FULL);
    let revoked = Body::RevokeKey { key: key(100).id(), reason: RevokeReason::Lost };
    assert_eq!(log.add(&revoked, &key(1)), Ok(()));
    assert_eq!(log.add(&log.device(&key(99)), &key(1)), Ok(()));

    for _ in 0..64 {
        assert_eq!(log.add(&note(), &key(1)), Ok(()));
    }
    assert_eq!(log.add(&note(), &key(1)), FULL);
    // Verification knows no limit.
    let step = log.judge(&log.chain.next(), &note(), &key(1));
    log.chain.commit(step);
    // A recovery makes room again, since what it displaces has left the chain.
    let place = log.chain.after(1).expect("the genesis is there");
    assert_eq!(log.add_at(&place, &rotation(&place, &key(4), &[key(2).id()]), &key(2)), Ok(()));
    assert_eq!(log.add(&note(), &key(4)), Ok(()));
}

/// A stolen device writes as much as it may: the owner goes on.
#[test]
fn one_device_signs_so_much() {
    let mut log = Log::start(Limits { by_device: 50, ..numbers() });
    assert_eq!(log.add(&log.device(&key(3)), &key(1)), Ok(()));
    let add_or_remove = |log: &mut Log, signer: &SigningKey| {
        let current = log.chain.state().and_then(|state| state.claims.keys().next().copied());
        log.add(&current.map_or_else(|| claim(1), |claim| Body::ClaimRemove { claim }), signer)
    };
    for _ in 0..50 {
        assert_eq!(add_or_remove(&mut log, &key(3)), Ok(()));
    }
    assert_eq!(add_or_remove(&mut log, &key(3)), FULL);
    assert_eq!(add_or_remove(&mut log, &key(1)), Ok(()));
}

#[test]
fn a_key_signs_so_much_in_any_24_hours() {
    let mut log = Log::start(Limits { a_day: 10, ..Limits::default() });
    // The genesis counts.
    for n in 0..9 {
        log.now += 3_600;
        assert_eq!(log.add(&claim(n), &key(1)), Ok(()));
    }
    for body in [&claim(10), &Body::Deactivate { reason: None }] {
        assert_eq!(log.add(body, &key(1)), FULL);
    }
    let body = rotation(&log.chain.next(), &key(4), &[key(2).id(), key(1).id()]);
    assert_eq!(log.add(&body, &key(1)), FULL, "a rotation too");
    assert_eq!(log.add(&body, &key(2)), Ok(()), "another key may");
    // The genesis was received a day ago; the second event was not.
    log.now += DAY - 9 * 3_600;
    assert_eq!(log.add(&claim(11), &key(1)), Ok(()));
    assert_eq!(log.add(&claim(12), &key(1)), FULL);
    log.now += 3_600;
    assert_eq!(log.add(&claim(13), &key(1)), Ok(()));

    // A log that is taken over has no limit of time, and counts for none.
    log.arrival = Arrival::InALog;
    for n in 14..30 {
        assert_eq!(log.add(&claim(n), &key(1)), Ok(()));
    }
    log.arrival = Arrival::Alone;
    assert_eq!(log.add(&claim(30), &key(1)), FULL);
    log.chain.begin_day();
    assert_eq!(log.add(&claim(31), &key(1)), Ok(()));
}

/// A lower key's events are displaced again and again: that counts for no day, and a day's end does not stop it.
#[test]
fn recovery_forks_count_for_no_day() {
    let mut log = Log::start(Limits { a_day: 5, ..Limits::default() });
    let mut rank = [key(2).id(), key(1).id()].to_vec();
    for n in 10..18 {
        assert_eq!(log.add(&note(), &key(if n == 10 { 1 } else { n - 1 })), Ok(()));
        let kept = log.chain.head().map_or(0, |head| head.seq) - 1;
        let place = log.chain.after(kept).expect("an event");
        rank.truncate(1);
        assert_eq!(log.add_at(&place, &rotation(&place, &key(n), &rank), &key(2)), Ok(()), "fork {n}");
    }
    for _ in 0..5 {
        assert_eq!(log.add(&note(), &key(2)), Ok(()), "none of the forks counts");
    }
    assert_eq!(log.add(&note(), &key(2)), FULL);
    assert_eq!(log.add(&note(), &key(17)), Ok(()));
    let place = log.chain.after(log.chain.head().map_or(0, |head| head.seq) - 1).expect("an event");
    assert_eq!(log.add_at(&place, &rotation(&place, &key(18), &rank), &key(2)), Ok(()), "and none is refused");
}

/// Room for 12,000 bytes of everybody's, and 8,000 in reserve.
fn small() -> Limits {
    Limits { bytes: 20_000, reserve: 8_000, ..Limits::default() }
}

/// Fills everybody's room to the last byte.
fn filled(mut log: Log, signer: &SigningKey) -> Log {
    while 12_000 - log.chain.bytes() > 4_000 {
        assert_eq!(log.fill(2_000, signer), Ok(()));
    }
    let rest = (12_000 - log.chain.bytes()) / 2;
    assert_eq!(log.fill(rest, signer), Ok(()));
    assert_eq!(log.fill(12_000 - log.chain.bytes(), signer), Ok(()));
    assert_eq!(log.chain.bytes(), 12_000);
    log
}

#[test]
fn a_chain_has_so_many_bytes() {
    let mut log = Log::start(small());
    assert_eq!(log.add(&log.device(&key(3)), &key(1)), Ok(()));
    let mut log = filled(log, &key(1));
    let first = log.chain.id_at(3).expect("a claim");
    for body in [
        claim(1),
        note(),
        log.device(&key(5)),
        rotation(&log.chain.next(), &key(4), &[key(2).id()]),
        Body::RevokeKey { key: key(3).id(), reason: RevokeReason::Lost },
        Body::ClaimRemove { claim: first },
        Body::Deactivate { reason: None },
        Body::ServerMove { from: "kez.lat".parse().expect("a name"), to: "b.example".parse().expect("a name") },
    ] {
        assert_eq!(log.add(&body, &key(1)), FULL, "{}", body.name());
    }
    // The first of the list goes on, in a recovery too, to the last byte.
    let place = log.chain.after(3).expect("a claim");
    assert_eq!(log.add_at(&place, &rotation(&place, &key(4), &[key(2).id()]), &key(2)), Ok(()));
    assert!(log.chain.nullified().len() > 2, "what was displaced still counts");
    assert_eq!(log.add(&Body::RevokeKey { key: key(3).id(), reason: RevokeReason::Lost }, &key(2)), Ok(()));
    while 20_000 - log.chain.bytes() > 4_000 {
        assert_eq!(log.fill(2_000, &key(4)), FULL);
        assert_eq!(log.fill(2_000, &key(2)), Ok(()));
    }
    let rest = 20_000 - log.chain.bytes();
    assert_eq!(log.fill(rest + 1, &key(2)), FULL);
    assert_eq!(log.fill(rest, &key(2)), Ok(()));
    let place = log.chain.next();
    assert_eq!(log.add(&rotation(&place, &key(6), &[key(2).id()]), &key(2)), FULL);
}

#[test]
fn who_changes_the_list_has_no_part_of_the_reserve_for_72_hours() {
    let mut log = Log::start(small());
    log.now += DAY;
    let body = rotation(&log.chain.next(), &key(8), &[key(9).id(), key(2).id()]);
    assert_eq!(log.add(&body, &key(1)), Ok(()));
    let changed = log.now;
    let mut log = filled(log, &key(9));
    // 9 is the first of the list, and 2 was before it was changed; of a chain that is younger, in its genesis.
    for seconds in [0, 2 * DAY, 3 * DAY] {
        log.now = changed + seconds;
        assert_eq!(log.add(&note(), &key(9)), FULL, "after {seconds} s");
        assert_eq!(log.add(&note(), &key(2)), Ok(()), "after {seconds} s");
    }
    log.now += 1;
    assert_eq!(log.add(&note(), &key(2)), FULL);
    assert_eq!(log.add(&note(), &key(9)), Ok(()));
}

/// What a recovery took out of the chain makes nobody the first: neither while it is undone nor when it is done again.
#[test]
fn a_list_that_was_displaced_was_never_in_force() {
    let mut log = Log::start(small());
    let stolen = |log: &Log| rotation(&log.chain.next(), &key(8), &[key(9).id(), key(2).id()]);
    assert_eq!(log.add(&stolen(&log), &key(1)), Ok(()));
    let mut log = filled(log, &key(9));
    log.now += 3 * DAY;
    let place = log.chain.after(1).expect("the genesis is there");
    let body = rotation(&place, &key(4), &[key(2).id(), key(1).id()]);
    assert_eq!(log.add_at(&place, &body, &key(2)), Ok(()));
    log.now += 3_600;
    assert_eq!(log.add(&note(), &key(2)), Ok(()), "the thief's events are in the last 72 hours, and no list of theirs");
    assert_eq!(log.add(&stolen(&log), &key(2)), Ok(()), "as if the thief did it again");
    log.now += DAY;
    assert_eq!(log.add(&note(), &key(9)), FULL);
    assert_eq!(log.add(&note(), &key(2)), Ok(()));
}

#[test]
fn a_chain_that_was_larger_before_has_the_reserve_beyond_its_size() {
    let limits = small();
    for (bytes, allowed) in [(0, 20_000), (12_000, 20_000), (12_001, 20_001), (20_000, 28_000), (75_000, 83_000)] {
        assert_eq!(limits.beyond(bytes).bytes, allowed);
        assert_eq!(limits.beyond(bytes).reserve, 8_000);
    }
    let mut log = Log::start(Limits { bytes: u64::MAX, ..Limits::default() });
    while log.chain.bytes() < 30_000 {
        assert_eq!(log.fill(2_000, &key(1)), Ok(()));
    }
    log.limits = limits.beyond(log.chain.bytes());
    assert_eq!(log.add(&note(), &key(1)), FULL);
    for _ in 0..4 {
        assert_eq!(log.fill(2_000, &key(2)), Ok(()));
    }
    assert_eq!(log.add(&note(), &key(2)), FULL);
}

#[test]
fn reasons_in_words_are_short() {
    let log = Log::start(Limits::default());
    for (reason, expected) in [("é".repeat(200), Ok(())), ("é".repeat(201), FULL), (String::new(), Ok(()))] {
        for arrival in [Arrival::Alone, Arrival::InALog] {
            let step = log.judge(&log.chain.next(), &Body::Deactivate { reason: Some(reason.clone()) }, &key(2));
            assert_eq!(log.chain.within_limits(&step, &log.limits, arrival), expected);
        }
    }
}

#[test]
fn a_log_that_is_taken_over_has_so_many_entries() {
    let mut log = Log::start(Limits { entries: 5, ..Limits::default() });
    log.arrival = Arrival::InALog;
    for n in 0..4 {
        assert_eq!(log.add(&claim(n), &key(1)), Ok(()));
    }
    assert_eq!(log.add(&Body::Deactivate { reason: None }, &key(1)), FULL);
    log.arrival = Arrival::Alone;
    assert_eq!(log.add(&Body::Deactivate { reason: None }, &key(1)), Ok(()));
}
