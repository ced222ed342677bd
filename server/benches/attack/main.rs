//! Attacks that take their time, and what somebody else notices of each: latencies under attack as ratios to those of the
//! idle server, in one run.
//!
//! `cargo bench -p kez-chat-server --bench attack` runs them on the release build of the server, whose path is in
//! `KEZ_CHAT_SERVER_BIN`, with the broker `KEZ_NATS_SERVER_BIN`. `make attack` sees to both. Words after `--` choose.

#![expect(clippy::print_stdout, reason = "a benchmark prints, and ends at the unexpected")]

fn main() {
    // `cargo test` runs every target once; a benchmark has nothing to say there.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{:<44} {:>10} {:>12} {:>12}", "what the victim notices", "ratio", "attacked", "idle");
}
