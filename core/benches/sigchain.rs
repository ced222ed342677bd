//! What a chain costs: CPU of verifying an audit log over the least that any reader must do for it, which is to verify
//! each event's signature strictly. Both run in turn, in one process, on the same events.
//!
//! `cargo bench -p kez-core --features tables --bench sigchain`
#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod log;

use std::hint::black_box;
use std::time::{Duration, Instant};

use kez_core::receipt::Receipt;
use kez_core::sigchain::{Audit, Chain, Entry, Unverified, verify};
use kez_core::{Hash, SigningKey};

use self::log::{EVENTS, Log};

const ROUNDS: usize = 31;

fn main() {
    let log = Log::new();
    let chain = log.chain.id();
    let text = audit(&log);
    let limit = || log.verify_signatures();

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

/// The audit object as a server gives it, receipts included, which nobody looks at here.
fn audit(log: &Log) -> Vec<u8> {
    let server_key = SigningKey::from_seed(&[2; 32]);
    let entry = |(index, (entry, text)): (usize, (&Entry, &Vec<u8>))| {
        let received_at = entry.received_at.expect("a time");
        let (seq, hash) = (index as u64 + 1, Hash::of(text));
        let server = "kez.lat".parse().expect("the name is well formed");
        let receipt = Receipt { chain: log.chain.id(), seq, hash, received_at, log_index: seq, server };
        let (event, receipt) = (String::from_utf8_lossy(text), receipt.sign(&server_key));
        let receipt = String::from_utf8_lossy(&receipt);
        format!(r#"{{"event":{event},"received_at":"{received_at}","receipt":{receipt}}}"#)
    };
    let entries: Vec<_> = log.entries.iter().zip(&log.texts).enumerate().map(entry).collect();
    format!(r#"{{"chain":"{}","entries":[{}]}}"#, log.chain.id(), entries.join(",")).into_bytes()
}
