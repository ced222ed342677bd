//! Runs histories of the simulator: `simulate 20000` as many, `simulate --seed 17` one alone, `simulate --read 17` one with
//! everything that happens in it.
#![allow(dead_code, missing_docs, clippy::print_stdout, reason = "a program for whoever works on this crate")]

#[path = "../tests/simulator/world/mod.rs"]
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::{Planted, read, run};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seed", seed] => seed.parse().ok().map(|seed: u64| seed..seed + 1),
        ["--read", seed] => return read_one(seed.parse().unwrap_or(0)),
        [many] => many.parse().ok().map(|many| 0..many),
        _ => None,
    };
    let Some(seeds) = seeds else {
        println!("simulate NUMBER | simulate --seed SEED");
        std::process::exit(2);
    };
    let (all, next, failed) = (seeds.end - seeds.start, AtomicU64::new(seeds.start), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            if let Err(broken) = run(seed, Planted::Nothing) {
                failed.fetch_add(1, Ordering::Relaxed);
                println!("seed {seed}: {broken}");
            }
        }
    };
    // A history is one thread's from its first event to its last.
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    println!("{all} histories, {failed} failed");
    std::process::exit(i32::from(failed > 0));
}

fn read_one(seed: u64) {
    let (story, ended) = read(seed);
    story.iter().for_each(|line| println!("{line}"));
    println!("{ended:?}");
}
