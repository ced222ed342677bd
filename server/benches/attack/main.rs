//! Attacks that take their time, and what somebody else notices of each: latencies under attack as ratios to those of the
//! idle server, in one run.
//!
//! `cargo bench -p kez-chat-server --bench attack` runs them on the release builds of the servers, whose paths are in
//! `KEZ_CHAT_SERVER_BIN` and `KEZ_SIG_SERVER_BIN`, with the broker `KEZ_NATS_SERVER_BIN`. `make attack` sees to all. Words
//! after `--` choose.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and ends at the unexpected")]

mod connections;
mod follower;
#[path = "../figures/load.rs"]
#[expect(dead_code, reason = "the figures use all of it")]
mod load;
#[path = "../figures/target.rs"]
#[expect(dead_code, reason = "the figures use all of it")]
mod target;

#[tokio::main]
async fn main() {
    // `cargo test` runs every target once; a benchmark has nothing to say there.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{:<44} {:>10} {:>12} {:>12}", "what the victim notices", "ratio", "attacked", "idle");
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_chosen = |group: &str| chosen.is_empty() || chosen.iter().any(|name| name == group);
    if is_chosen("connections") {
        connections::all().await;
    }
    if is_chosen("follower") {
        let (attacked, idle, unready) = follower::revocations().await;
        report("a revoked device is out, long chains (s)", attacked, idle);
        println!("{:<44} {unready:>10}", "answers of readyz that were not ok meanwhile");
    }
}

/// One line: the ratio, and what it is of.
fn report(what: &str, attacked: f64, idle: f64) {
    println!("{what:<44} {:>10.2} {attacked:>12.3} {idle:>12.3}", attacked / idle);
}
