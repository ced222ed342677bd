//! Random histories of conversations, and faults that the simulator has to find.
//!
//! A seed that fails is printed; `cargo run -p kez-conversation --example simulate -- --seed N` runs it alone.

mod world;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use kez_conversation::Fault;
use world::{Planted, read, run};

/// Seeds of a normal test run.
const SEEDS: u64 = 200;

/// The seeds in parts, since tests run side by side.
fn end_well(seeds: std::ops::Range<u64>) {
    let failed: Vec<String> = seeds
        .filter_map(|seed| run(seed, Planted::Nothing).err().map(|broken| format!("seed {seed}: {broken}")))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn histories_end_well_1() {
    end_well(0..SEEDS / 4);
}

#[test]
fn histories_end_well_2() {
    end_well(SEEDS / 4..SEEDS / 2);
}

#[test]
fn histories_end_well_3() {
    end_well(SEEDS / 2..SEEDS * 3 / 4);
}

#[test]
fn histories_end_well_4() {
    end_well(SEEDS * 3 / 4..SEEDS);
}

#[test]
fn a_history_can_be_read_and_is_the_same_again() {
    let (story, ended) = read(3);
    assert!(story.len() > 100);
    assert_eq!((story, ended), read(3));
}

/// Some seed among the first of them finds it. They are looked through side by side, since a fault that has devices go on for
/// ever takes long where it is not found.
fn is_found(planted: Planted) {
    let (next, found) = (AtomicU64::new(0), AtomicBool::new(false));
    let look = || {
        while !found.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                return;
            }
            if run(seed, planted).is_err() {
                found.store(true, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(look);
        }
    });
    assert!(found.into_inner(), "{planted:?} is not found");
}

#[test]
fn an_acknowledgement_before_the_write_is_found() {
    is_found(Planted::AckBeforeWrite);
}

#[test]
fn a_state_that_is_saved_after_publishing_is_found() {
    is_found(Planted::SavedAfterPublishing);
}

#[test]
fn a_welcome_before_the_answer_is_found() {
    is_found(Planted::Machine(Fault::WelcomeBeforeAnswer));
}

#[test]
fn a_lost_answer_that_is_not_asked_for_again_is_found() {
    is_found(Planted::Machine(Fault::LostAnswerNotRepeated));
}

#[test]
fn old_news_about_devices_is_found() {
    is_found(Planted::Machine(Fault::OldNews));
}

#[test]
fn a_rejoin_that_loops_is_found() {
    is_found(Planted::Machine(Fault::RejoinLoops));
}

#[test]
fn a_package_that_is_used_twice_is_found() {
    is_found(Planted::Machine(Fault::PackageTwice));
}
