//! What a chain costs: CPU of verifying an audit log over the least that any reader must do for it, which is to verify
//! each event's signature strictly. Both run in turn, in one process, on the same events.
//!
//! `cargo bench -p kez-core --features tables --bench sigchain`
#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signature, VerifyingKey};
use kez_core::canonical::{self, Json};
use kez_core::sigchain::{Audit, Body, Chain, Claim, Entry, Place, Possession, Receipt, Role, Unverified, verify};
use kez_core::{Hash, SigningKey, Timestamp};

const EVENTS: usize = 1_000;
/// One event in so many adds a device and proves its key, until there are 16.
const DEVICE_EVERY: usize = 50;
const DEVICES: u8 = 16;
const ROUNDS: usize = 31;

/// What the limit program gets for nothing.
struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    sig: Signature,
}

fn main() {
    let log = Log::new();
    let chain = log.chain.id();
    let text = log.audit();
    let limit = || log.signed.iter().for_each(|s| s.key.verify_strict(&s.message, &s.sig).expect("a good signature"));

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (entries, texts) = (log.entries.clone(), &log.texts);
        let appended = || {
            let mut chain = Chain::new(chain);
            for text in texts {
                let event = Unverified::parse(text).expect("a good event");
                chain.append(event, log.entries[0].received_at.expect("a time")).expect("a good event");
            }
            chain
        };
        rounds.push([
            time(limit),
            time(|| verify(chain, entries).expect("a good log")),
            time(appended),
            time(|| Audit::parse(&text).expect("a good log").verify().expect("a good log")),
            time(|| Audit::parse(&text).expect("a good log")),
        ]);
    }
    println!("{EVENTS} events, {} signatures with the proofs of possession", EVENTS + usize::from(log.proofs));
    let names = [
        "bare verify_strict",
        "verify, from JSON values",
        "append, from each event's text",
        "verify, from an audit's text",
        "reading that text, with receipts",
    ];
    for (at, name) in names.into_iter().enumerate() {
        // Each round's ratio is of two turns that followed each other; what else ran meanwhile is mostly in both.
        let ratio = median(rounds.iter().map(|round| round[at].as_secs_f64() / round[0].as_secs_f64()).collect());
        let micros = median(rounds.iter().map(|round| round[at].as_secs_f64() * 1e6 / EVENTS as f64).collect());
        println!("{name:34} {micros:7.1} µs an event  {ratio:5.2} ×");
    }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = work();
    let elapsed = start.elapsed();
    black_box(result);
    elapsed
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Log {
    chain: Chain,
    texts: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    signed: Vec<Signed>,
    proofs: u8,
}

impl Log {
    fn new() -> Self {
        let identity = SigningKey::from_seed(&[1; 32]);
        let primary = identity.id();
        let server = "kez.lat".parse().expect("the name is well formed");
        let mut log =
            Log { chain: Chain::new(primary), texts: Vec::new(), entries: Vec::new(), signed: Vec::new(), proofs: 0 };
        log.add(&Place::genesis(primary), &Body::Genesis { primary, rotation_keys: vec![primary], server }, &identity);
        while log.texts.len() < EVENTS {
            let place = log.chain.next();
            if log.texts.len().is_multiple_of(DEVICE_EVERY) && log.proofs < DEVICES {
                log.proofs += 1;
                let device = SigningKey::from_seed(&[100 + log.proofs; 32]);
                let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(&device);
                log.add(&place, &Body::AddDeviceKey { key: device.id(), enc_key: None, pop }, &identity);
                continue;
            }
            let current = log.chain.state().and_then(|state| state.claims.keys().next().copied());
            let body = match current {
                Some(claim) => Body::ClaimRemove { claim },
                None => Body::ClaimAdd {
                    claim: Claim {
                        r#type: "https".into(),
                        subject: format!("{}.example.com", log.texts.len()),
                        proof: "https://example.com/.well-known/kez.json".into(),
                    },
                },
            };
            log.add(&place, &body, &identity);
        }
        log
    }

    fn add(&mut self, place: &Place, body: &Body, key: &SigningKey) {
        let at = Timestamp::from_unix(1_779_678_000);
        let text = place.sign(body, at, key);
        self.chain.append(Unverified::parse(&text).expect("a good event"), at).expect("a good event");
        let event = canonical::parse(&text).expect("good JSON");
        let member = |name: &str| match &event {
            Json::Object(members) => members.get(name).cloned(),
            _ => None,
        };
        let Some(Json::Object(signature)) = member("signature") else { unreachable!("it was just signed") };
        let Some(Json::String(sig)) = signature.get("sig") else { unreachable!("it was just signed") };
        self.signed.push(Signed {
            key: VerifyingKey::from_bytes(key.id().as_bytes()).expect("a good key"),
            message: place.signing_input(body, at).into_bytes(),
            sig: Signature::from_bytes(&const_hex::decode_to_array(sig).expect("it was just encoded")),
        });
        self.entries.push(Entry { event, received_at: Some(at) });
        self.texts.push(text);
    }

    /// The audit object as a server gives it, receipts included, which nobody looks at here.
    fn audit(&self) -> Vec<u8> {
        let server_key = SigningKey::from_seed(&[2; 32]);
        let entry = |(index, (entry, text)): (usize, (&Entry, &Vec<u8>))| {
            let received_at = entry.received_at.expect("a time");
            let (seq, hash) = (index as u64 + 1, Hash::of(text));
            let server = "kez.lat".parse().expect("the name is well formed");
            let receipt = Receipt { chain: self.chain.id(), seq, hash, received_at, log_index: seq, server };
            let (event, receipt) = (String::from_utf8_lossy(text), receipt.sign(&server_key));
            let receipt = String::from_utf8_lossy(&receipt);
            format!(r#"{{"event":{event},"received_at":"{received_at}","receipt":{receipt}}}"#)
        };
        let entries: Vec<_> = self.entries.iter().zip(&self.texts).enumerate().map(entry).collect();
        format!(r#"{{"chain":"{}","entries":[{}]}}"#, self.chain.id(), entries.join(",")).into_bytes()
    }
}
