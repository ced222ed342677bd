//! A thief who has every key but the higher ones writes whatever a server takes: who ranks higher gets the identity back
//! within 72 hours, and can do afterwards what has to be done.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;

use kez_core::canonical::{Json, Object};
use kez_core::sigchain::{
    Arrival, Body, Chain, Claim, Limits, Place, Possession, RECOVERY_WINDOW_SECS, RevokeReason, Role, Step, Unverified,
};
use kez_core::{Hash, KeyId, SigningKey, Timestamp};
use proptest::prelude::*;

/// Room for some twenty events of everybody's, and for as many forks as it takes to fill a share of the reserve.
const SMALL: Limits = Limits { bytes: 56 * 1024, reserve: 32 * 1024, ..Limits::CONTRACT };

/// What the thief does next, and numbers to choose with.
type Wish = (u8, usize, usize, usize);

/// A server's log of one chain, with everybody's keys.
struct Game {
    chain: Chain,
    limits: Limits,
    now: i64,
    seeds: BTreeMap<KeyId, [u8; 32]>,
    /// The rotation keys that the identity begins with, the highest first; the last is its primary.
    list: Vec<KeyId>,
    /// What the thief can sign with.
    stolen: Vec<KeyId>,
}

impl Game {
    /// An identity with so many rotation keys and devices, all of whose keys from `rank` on, and one device, are stolen.
    fn start(limits: Limits, rotation_keys: usize, rank: usize, devices: usize) -> Game {
        let now = 1_779_678_000;
        let mut seeds = BTreeMap::new();
        let list: Vec<_> = (0..rotation_keys).map(|_| fresh(&mut seeds)).collect();
        let primary = list[rotation_keys - 1];
        let chain = Chain::new(primary);
        let stolen = list[rank..].to_vec();
        let mut game = Game { chain, limits, now, seeds, list: list.clone(), stolen };
        let server = "kez.lat".parse().expect("a name");
        game.must(&Place::genesis(primary), &Body::Genesis { primary, rotation_keys: list, server }, &primary);
        for n in 0..devices {
            let key = fresh(&mut game.seeds);
            let place = game.chain.next();
            let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(&game.secret(&key));
            game.must(&place, &Body::AddDeviceKey { key, enc_key: None, pop }, &primary);
            if n == 0 {
                game.stolen.push(key);
            }
        }
        game
    }

    fn secret(&self, key: &KeyId) -> SigningKey {
        SigningKey::from_seed(&self.seeds[key])
    }

    fn place_after(&self, kept: u64) -> Option<Place> {
        self.chain.after(kept)
    }

    fn length(&self) -> u64 {
        self.chain.head().map_or(0, |head| head.seq)
    }

    /// What the server makes of an event; none if it refuses it.
    fn judge(&self, place: &Place, body: &Body, signer: &KeyId) -> Option<Step> {
        let text = place.sign(body, Timestamp::from_unix(0), &self.secret(signer));
        let event = self.chain.authenticate(Unverified::parse(&text).ok()?).ok()?;
        let step = self.chain.judge(event, Timestamp::from_unix(self.now)).ok()?;
        self.chain.within_limits(&step, &self.limits, Arrival::Alone).ok().map(|()| step)
    }

    fn try_add(&mut self, place: &Place, body: &Body, signer: &KeyId) -> bool {
        let step = self.judge(place, body, signer);
        let is_taken = step.is_some();
        if let Some(step) = step {
            self.chain.commit(step);
        }
        is_taken
    }

    #[track_caller]
    fn must(&mut self, place: &Place, body: &Body, signer: &KeyId) {
        assert!(self.try_add(place, body, signer), "{} is refused at {} bytes", body.name(), self.chain.bytes());
    }

    fn rotation(&mut self, place: &Place, others: &[KeyId]) -> Body {
        let primary = fresh(&mut self.seeds);
        let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(&self.secret(&primary));
        let rotation_keys = others.iter().copied().chain([primary]).collect();
        Body::RotatePrimary { primary, rotation_keys, pop }
    }

    /// Rotates to a list of the thief's own keys, with `guest` among them, and gives the list if the server takes it.
    fn takeover(&mut self, place: &Place, keys: usize, guest: Option<KeyId>, signer: &KeyId) -> Option<Vec<KeyId>> {
        let mut list: Vec<_> = (0..keys % 5).map(|_| fresh(&mut self.seeds)).collect();
        if let Some(guest) = guest.filter(|_| list.len() < 4) {
            list.insert(keys % (list.len() + 1), guest);
        }
        let body = self.rotation(place, &list);
        let Body::RotatePrimary { rotation_keys, .. } = &body else { return None };
        self.try_add(place, &body, signer).then(|| {
            self.stolen.extend(rotation_keys.iter().filter(|key| Some(**key) != guest));
            rotation_keys.clone()
        })
    }

    /// Forks by any stolen key, anywhere, until the server takes no more.
    fn unwind(&mut self) {
        for kept in (1..self.length()).rev() {
            let Some(place) = self.place_after(kept) else { continue };
            let mut signers = self.chain.state_at(kept).map(|state| state.rotation_keys).unwrap_or_default();
            signers.retain(|key| self.stolen.contains(key));
            for signer in signers.iter().rev() {
                self.takeover(&place, 4, None, signer);
            }
        }
    }

    /// Adds an event of at most `most` bytes more than the least, which fills everybody's room to the last byte if it can.
    fn stuff(&mut self, signer: &KeyId, most: usize) -> bool {
        let note = |bytes: usize| {
            let body = Object::from([("x".to_owned(), Json::String("x".repeat(bytes)))]);
            Body::Unlisted { name: "x".into(), critical: Some(false), body }
        };
        let claim = |bytes: usize| {
            let proof = "x".to_owned() + &"🦊".repeat(bytes / 4);
            Body::ClaimAdd { claim: Claim { r#type: "x".into(), subject: "x".into(), proof } }
        };
        let place = self.chain.next();
        let least = place.sign(&note(0), Timestamp::from_unix(0), &self.secret(signer)).len() as u64;
        let room = (self.limits.bytes - self.limits.reserve).saturating_sub(self.chain.bytes() + least);
        let most = most.min(usize::try_from(room).expect("it is small"));
        self.try_add(&place, &note(most), signer) || self.try_add(&place, &claim(most), signer)
    }

    fn act(&mut self, (what, a, b, c): Wish) {
        let signer = *pick(&self.stolen, a);
        let place = self.chain.next();
        match what {
            0 | 1 => {
                self.stuff(&signer, b % 7_000);
            }
            2 | 3 => {
                let guest = (c % 3 == 0).then(|| self.list[0]);
                self.takeover(&place, b, guest, &signer);
            }
            4 => {
                if let Some(place) = self.place_after(1 + b as u64 % self.length()) {
                    self.takeover(&place, c, None, &signer);
                }
            }
            5 => {
                self.try_add(&place, &Body::Deactivate { reason: Some("x".repeat(b % 200)) }, &signer);
            }
            6 => {
                let name = |n: usize| format!("server-{n}.example").parse().expect("a name");
                let from = self.chain.state().map(|state| state.server.clone()).unwrap_or_else(|| name(0));
                self.try_add(&place, &Body::ServerMove { from, to: name(b % 9) }, &signer);
            }
            7 => {
                let devices = self.chain.state().map(|state| state.devices.keys().copied().collect::<Vec<_>>());
                if let Some(key) = devices.filter(|devices| !devices.is_empty()).map(|devices| *pick(&devices, b)) {
                    self.try_add(&place, &Body::RevokeKey { key, reason: RevokeReason::Lost }, &signer);
                }
            }
            8 => {
                // One list in another, each of keys that nobody had before: all of them can be unwound again.
                let mut signer = signer;
                for _ in 0..b % 12 {
                    let place = self.chain.next();
                    let Some(list) = self.takeover(&place, 4, None, &signer) else { return };
                    signer = *pick(&list, c);
                }
            }
            _ => self.unwind(),
        }
        self.now += i64::try_from(b % 3_600).expect("it is small");
    }

    /// The thief does all of this, and then whatever is still taken. At every moment of 72 hours the owner's key of `rank`
    /// could get the identity back; what it would do at last.
    fn suffer(&mut self, wishes: &[Wish], rank: usize) -> Result<(Place, Body), TestCaseError> {
        let ids: Vec<_> = (1..=self.length()).map_while(|seq| self.chain.id_at(seq)).collect();
        let end = self.now + i64::try_from(RECOVERY_WINDOW_SECS).expect("it is small");
        for wish in wishes {
            self.act(*wish);
            self.now = self.now.min(end);
            let (place, body) = self.recovery(self.untouched(&ids), rank);
            let could = self.judge(&place, &body, &self.list[rank]).is_some();
            prop_assert!(could, "locked out at {} bytes", self.chain.bytes());
        }
        for at in 0..40 {
            let signer = *pick(&self.stolen, at);
            self.stuff(&signer, 7_000);
        }
        self.unwind();
        self.now = end;
        Ok(self.recovery(self.untouched(&ids), rank))
    }

    /// How many of these events, which the owner had, stand where they stood.
    fn untouched(&self, ids: &[Hash]) -> u64 {
        (1..).zip(ids).take_while(|(seq, id)| self.chain.id_at(*seq) == Some(**id)).count() as u64
    }

    /// What the owner's key of this rank signs to get the identity back, with nobody else on the list: behind event `kept`.
    fn recovery(&mut self, kept: u64, rank: usize) -> (Place, Body) {
        let place = self.place_after(kept).expect("what the owner did is in the chain");
        let body = self.rotation(&place, &[self.list[rank]]);
        (place, body)
    }
}

fn fresh(seeds: &mut BTreeMap<KeyId, [u8; 32]>) -> KeyId {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(seeds.len() as u64 + 1).to_le_bytes());
    let key = SigningKey::from_seed(&seed).id();
    seeds.insert(key, seed);
    key
}

fn pick<T>(items: &[T], at: usize) -> &T {
    &items[at % items.len()]
}

fn thefts(rounds: usize) -> impl Strategy<Value = Vec<Vec<Wish>>> {
    let wish = (0..10_u8, any::<usize>(), any::<usize>(), any::<usize>());
    prop::collection::vec(prop::collection::vec(wish, 1..30), rounds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The first of the list gets the identity back from whoever has all other keys, revokes again, and rotates; also the
    /// second and the third time, from a thief who has the next primary too.
    #[test]
    fn the_first_of_the_list_is_never_locked_out(
        rotation_keys in 2..=5_usize,
        age in 0..300_000_i64,
        thefts in thefts(3),
    ) {
        let mut game = Game::start(SMALL, rotation_keys, 1, 4);
        let owner = game.list[0];
        game.now += age;
        for wishes in thefts {
            let (place, body) = game.suffer(&wishes, 0)?;
            game.must(&place, &body, &owner);
            let devices = game.chain.state().map(|state| state.devices.keys().copied().collect::<Vec<_>>());
            if let Some(key) = devices.and_then(|devices| devices.last().copied()) {
                let body = Body::RevokeKey { key, reason: RevokeReason::Compromised };
                game.must(&game.chain.next(), &body, &owner);
            }
            let (place, body) = game.recovery(game.length(), 0);
            game.must(&place, &body, &owner);
            let state = game.chain.state().expect("there is a genesis");
            prop_assert!(state.active && state.rotation_keys == [owner, state.primary]);
            game.stolen.push(state.primary);
        }
    }

    /// So does every other key, from whoever has the lower ones.
    #[test]
    fn whoever_ranks_higher_is_never_locked_out(
        rank in 1..=3_usize,
        more in 0..=1_usize,
        age in 0..300_000_i64,
        thefts in thefts(1),
    ) {
        let mut game = Game::start(SMALL, (rank + 2 + more).min(5), rank + 1, 4);
        let owner = game.list[rank];
        game.now += age;
        let (place, body) = game.suffer(&thefts[0], rank)?;
        game.must(&place, &body, &owner);
    }
}

/// At full size: the thief fills everybody's room, and the reserve with recoveries of recoveries; the owner undoes all of it,
/// and takes away again all devices that the chain has at most.
#[test]
fn there_is_room_for_everything_that_a_recovery_needs() {
    let mut game = Game::start(Limits { a_day: 1_000, ..Limits::CONTRACT }, 2, 1, 64);
    let (kept, owner, primary) = (game.length(), game.list[0], game.list[1]);
    // Each list is signed by the second of the one before, so that the first can undo it.
    let mut signer = primary;
    for _ in 0..80 {
        game.now += 60;
        let place = game.chain.next();
        signer = game.takeover(&place, 4, None, &signer).expect("there is room")[1];
        game.stuff(&signer, 7_000);
    }
    while game.stuff(&signer, 7_000) {}
    let limits = game.limits.clone();
    let common = limits.bytes - limits.reserve;
    assert!(common - game.chain.bytes() < 8_000, "{} of {common} bytes", game.chain.bytes());
    game.unwind();
    assert!(game.chain.bytes() - common > limits.reserve / 5, "recoveries fill what is left to their ranks");
    assert!(game.chain.bytes() - common <= limits.reserve / 4);

    let (place, body) = game.recovery(kept, 0);
    game.must(&place, &body, &owner);
    let devices: Vec<_> = game.chain.state().map(|state| state.devices.keys().copied().collect()).unwrap_or_default();
    assert_eq!(devices.len(), 64);
    for key in devices {
        game.must(&game.chain.next(), &Body::RevokeKey { key, reason: RevokeReason::Compromised }, &owner);
    }
    let (place, body) = game.recovery(game.length(), 0);
    game.must(&place, &body, &owner);
}

/// Deactivating and recovering in turn comes to an end, and it is not the thief's.
#[test]
fn deactivating_and_recovering_in_turn_ends() {
    let mut game = Game::start(Limits { a_day: 1_000, ..SMALL }, 2, 1, 0);
    let (owner, mut thief) = (game.list[0], game.list[1]);
    for turn in 1.. {
        let kept = game.length();
        game.now += 60;
        if !game.try_add(&game.chain.next(), &Body::Deactivate { reason: Some("x".repeat(200)) }, &thief) {
            assert!(turn > 5, "{turn}");
            break;
        }
        // Not quite undone: the thief's key stays on the list.
        let place = game.place_after(kept).expect("it is in the chain");
        let body = game.rotation(&place, &[owner, thief]);
        game.must(&place, &body, &owner);
        let Body::RotatePrimary { primary, .. } = body else { panic!("a rotation") };
        thief = primary;
    }
    assert!(game.chain.state().is_some_and(|state| state.active));
    let (place, body) = game.recovery(game.length(), 0);
    game.must(&place, &body, &owner);
}
