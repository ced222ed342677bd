//! What a registration costs: CPU of judging a fresh, valid body over the least that any server must do for it, which
//! is to parse the key and verify the signature strictly. Both run in turn, in one process, on the same inputs.
//!
//! `cargo bench -p kez-core --features tables`
#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signature, VerifyingKey};
use kez_core::canonical::{self, Json};
use kez_core::registration::Statement;
use kez_core::{Admission, Handle, KeyId, PublicKey, ServerName, SigningKey, Timestamp};

/// Bodies, each with a key of its own.
const BODIES: u64 = 500;
/// Bodies in a turn: less than a millisecond, so that most turns are not interrupted on a busy machine and the median
/// is of CPU, not of waiting.
const TURN: usize = 5;
const ROUNDS: usize = 8;

/// One registration, whole and in the parts that the limit program gets for nothing.
struct Sample {
    body: Vec<u8>,
    key: [u8; 32],
    signing_input: Vec<u8>,
    sig: [u8; 64],
}

/// A name, and the work on one sample.
type Part<'a> = (&'static str, &'a dyn Fn(&Sample));

fn main() {
    let server: ServerName = "kez.lat".parse().expect("the name is well formed");
    let now: Timestamp = "2026-05-25T03:00:00Z".parse().expect("the time is well formed");
    let samples: Vec<Sample> = (0..BODIES).map(|n| sample(n, &server, now)).collect();
    let admission = Admission { server: &server, now };

    let limit = |s: &Sample| {
        let key = VerifyingKey::from_bytes(&s.key).expect("a good key");
        key.verify_strict(&s.signing_input, &Signature::from_bytes(&s.sig)).expect("a good signature");
    };
    let ours = |s: &Sample| {
        black_box(admission.registration(&s.body).expect("a good registration"));
    };
    let key = |s: &Sample| {
        black_box(PublicKey::try_from(&KeyId::ed25519(s.key)).expect("a good key"));
    };
    let read = |s: &Sample| {
        black_box(canonical::parse(&s.body).expect("good JSON"));
    };
    let parts: [Part<'_>; 4] = [
        ("key parse + verify_strict", &limit),
        ("a registration", &ours),
        ("the key's checks", &key),
        ("reading JSON", &read),
    ];

    let mut times = parts.map(|_| Vec::new());
    for turn in (0..ROUNDS).flat_map(|_| samples.chunks(TURN)) {
        for ((_, work), times) in parts.iter().zip(&mut times) {
            let start = Instant::now();
            turn.iter().for_each(work);
            times.push(start.elapsed());
        }
    }
    let medians = times.map(median);
    for ((name, _), time) in parts.iter().zip(medians) {
        let micros = time.as_secs_f64() * 1e6 / TURN as f64;
        println!("{name:28} {micros:7.1} µs  {:5.2} ×", time.as_secs_f64() / medians[0].as_secs_f64());
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn sample(n: u64, server: &ServerName, now: Timestamp) -> Sample {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&n.to_le_bytes());
    let key = SigningKey::from_seed(&seed);
    let handle: Handle = format!("bench-{n}").parse().expect("a good handle");
    let statement = Statement::registration(handle, server.clone(), now);
    let body = statement.sign(&key);
    let Ok(Json::Object(members)) = canonical::parse(&body) else { unreachable!("it was just written") };
    let Some(Json::Object(signature)) = members.get("signature") else { unreachable!("it was just signed") };
    let Some(Json::String(sig)) = signature.get("sig") else { unreachable!("it was just signed") };
    Sample {
        key: *key.id().as_bytes(),
        signing_input: statement.signing_input(key.id()).into_bytes(),
        sig: const_hex::decode_to_array(sig).expect("it was just encoded"),
        body,
    }
}
