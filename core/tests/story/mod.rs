//! Random legal histories: what each of the steps does is made legal by looking at the state, and then has to be taken.

use std::collections::BTreeMap;

use kez_core::canonical;
use kez_core::canonical::Object;
use kez_core::sigchain::{Body, Chain, Claim, Entry, Place, Possession, RevokeReason, Role, State, Unverified};
use kez_core::{KeyId, ServerName, SigningKey, Timestamp};
use proptest::prelude::*;

/// A history, and what it came to while it was made.
#[derive(Debug)]
pub(crate) struct Story {
    /// Canonical bytes of every entry's event.
    pub(crate) texts: Vec<Vec<u8>>,
    times: Vec<Timestamp>,
    /// The chain as it grew.
    pub(crate) incremental: Chain,
    /// The state behind each event of the chain.
    pub(crate) states: Vec<State>,
    /// Signer and time of each event of the chain.
    signers: Vec<(KeyId, Timestamp)>,
    seeds: BTreeMap<KeyId, [u8; 32]>,
    now: i64,
}

/// What to do next, and three numbers to choose with.
type Wish = (u8, usize, usize, usize);

pub(crate) fn stories() -> impl Strategy<Value = Story> {
    let wish = (0..12_u8, any::<usize>(), any::<usize>(), any::<usize>());
    (1..=4_usize, prop::collection::vec(wish, 0..24)).prop_map(|(rotation_keys, wishes)| {
        let mut story = Story::start(rotation_keys);
        for wish in wishes {
            story.follow(wish);
        }
        story
    })
}

impl Story {
    fn start(rotation_keys: usize) -> Self {
        let mut seeds = BTreeMap::new();
        let keys: Vec<_> = (0..rotation_keys).map(|_| fresh(&mut seeds)).collect();
        let primary = keys[rotation_keys - 1];
        let mut story = Story {
            texts: Vec::new(),
            times: Vec::new(),
            incremental: Chain::new(primary),
            states: Vec::new(),
            signers: Vec::new(),
            seeds,
            now: 1_779_678_000,
        };
        let server = server(0);
        story.add(Place::genesis(primary), &Body::Genesis { primary, rotation_keys: keys, server }, primary);
        story
    }

    pub(crate) fn chain(&self) -> KeyId {
        self.incremental.id()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entry = |(text, time): (&Vec<u8>, &Timestamp)| Entry {
            event: canonical::parse(text).expect("it was just made"),
            received_at: Some(*time),
        };
        self.texts.iter().zip(&self.times).map(entry).collect()
    }

    fn follow(&mut self, (what, a, b, c): Wish) {
        self.now += i64::try_from(a % 30_000).expect("it is small");
        let state = self.states.last().expect("there is a genesis").clone();
        if what < 2 {
            return self.fork(a, b);
        }
        if !state.active {
            return;
        }
        let place = self.incremental.next();
        let boss = *pick(&state.rotation_keys, a);
        let devices: Vec<_> = state.devices.keys().copied().collect();
        let anybody = *pick(&[state.rotation_keys.clone(), devices.clone()].concat(), a);
        let claims: Vec<_> = state.claims.keys().copied().collect();
        let (body, signer) = match what {
            2 => (self.rotation(&place, &state, b, c), boss),
            3 | 4 => (self.device(&place, b), boss),
            5 if !devices.is_empty() => {
                let key = *pick(&devices, b);
                let signer = if c.is_multiple_of(2) { key } else { boss };
                (Body::RevokeKey { key, reason: *pick(&RevokeReason::ALL, c) }, signer)
            }
            6 if !claims.is_empty() => (Body::ClaimRemove { claim: *pick(&claims, b) }, anybody),
            7 => (Body::ServerMove { from: state.server, to: server(b) }, boss),
            8 => (Body::Unlisted { name: format!("note_{b}"), critical: Some(false), body: Object::new() }, anybody),
            9 if c.is_multiple_of(4) => (Body::Deactivate { reason: None }, boss),
            _ => {
                let claim = Claim { r#type: "dns".into(), subject: format!("{b}.example"), proof: c.to_string() };
                (Body::ClaimAdd { claim }, anybody)
            }
        };
        self.add(place, &body, signer);
    }

    /// A fork by a rotation key that outranks everybody it displaces, if there is one.
    fn fork(&mut self, a: usize, b: usize) {
        let kept = 1 + a % self.states.len();
        let displaced = &self.signers[kept..];
        let Some((_, first)) = displaced.first() else { return };
        if self.now - first.unix() > 259_200 {
            return;
        }
        let before = self.states[kept - 1].clone();
        let rank = |key| before.rotation_keys.iter().position(|other| other == key).unwrap_or(usize::MAX);
        let highest = displaced.iter().map(|(signer, _)| rank(signer)).min().unwrap_or(usize::MAX);
        let above = &before.rotation_keys[..highest.min(before.rotation_keys.len())];
        if above.is_empty() {
            return;
        }
        let signer = *pick(above, b);
        let place = self.incremental.after(kept as u64).expect("the event is in the chain");
        let body = self.rotation(&place, &before, a, b);
        self.add(place, &body, signer);
    }

    fn device(&mut self, place: &Place, b: usize) -> Body {
        let key = fresh(&mut self.seeds);
        let enc_key = b.is_multiple_of(2).then(|| kez_core::sigchain::EncKey::from_bytes([7; 32]));
        let pop = Possession { place, role: Role::Device, enc_key }.prove(&self.secret(&key));
        Body::AddDeviceKey { key, enc_key, pop }
    }

    /// A fresh primary or one of the other rotation keys, and some of the old keys with it.
    fn rotation(&mut self, place: &Place, before: &State, b: usize, c: usize) -> Body {
        let mut rotation_keys: Vec<_> = before.rotation_keys.clone();
        let spare: Vec<_> = rotation_keys.iter().filter(|key| **key != before.primary).copied().collect();
        let primary = if b.is_multiple_of(3) && !spare.is_empty() { *pick(&spare, c) } else { fresh(&mut self.seeds) };
        rotation_keys.retain(|key| *key == primary || c & (1 << (key.as_bytes()[0] % 8)) == 0);
        if !rotation_keys.contains(&primary) {
            rotation_keys.truncate(4);
            rotation_keys.push(primary);
        }
        let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(&self.secret(&primary));
        Body::RotatePrimary { primary, rotation_keys, pop }
    }

    fn add(&mut self, place: Place, body: &Body, signer: KeyId) {
        let time = Timestamp::from_unix(self.now);
        let text = place.sign(body, Timestamp::from_unix(0), &self.secret(&signer));
        let event = Unverified::parse(&text).expect("what we make, we read");
        self.incremental.append(event, time).unwrap_or_else(|reason| panic!("{reason}: {body:?} by {signer}"));
        self.texts.push(text);
        self.times.push(time);
        let kept = usize::try_from(place.seq).expect("it is small") - 1;
        self.states.truncate(kept);
        self.signers.truncate(kept);
        self.states.push(self.incremental.state().expect("there is a genesis").clone());
        self.signers.push((signer, time));
    }

    fn secret(&self, key: &KeyId) -> SigningKey {
        SigningKey::from_seed(&self.seeds[key])
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

fn server(n: usize) -> ServerName {
    format!("server-{}.example", n % 100).parse().expect("the name is well formed")
}
