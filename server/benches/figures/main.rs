//! Figures of the whole server as ratios against limit programs, turn by turn in one run, medians of five.
//!
//! `cargo bench -p kez-chat-server` runs it on the release build of the server, whose path is in
//! `KEZ_CHAT_SERVER_BIN`, against the example `bare_axum` built for release, `KEZ_BARE_AXUM_BIN`, and with the broker
//! `KEZ_NATS_SERVER_BIN`. `make bench` sees to all three. Words after `--` choose among reads, writes, chains, talk, broker,
//! memory and site.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and ends at the unexpected")]

mod answers;
mod broker;
mod chains;
mod load;
mod memory;
mod reads;
mod site;
mod talk;
mod target;
mod writes;

/// Rounds of each side.
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    // `cargo test` runs every target once; a benchmark has nothing to say there.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{:<44} {:>10} {:>12} {:>12}  rounds", "figure", "ratio", "ours", "limit");
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_chosen = |group: &str| chosen.is_empty() || chosen.iter().any(|name| name == group);
    if is_chosen("reads") {
        reads::lookups().await;
        reads::webfinger().await;
    }
    if is_chosen("writes") {
        writes::durable().await;
    }
    if is_chosen("chains") {
        chains::appends().await;
        chains::heads().await;
    }
    if is_chosen("talk") {
        talk::claims().await;
        talk::commits().await;
    }
    if is_chosen("broker") {
        answers::cpu().await;
        broker::logins().await;
    }
    if is_chosen("memory") {
        memory::idle().await;
    }
    if is_chosen("site") {
        site::first_visit().await;
        site::connecting().await;
    }
}

/// One figure's line: the ratio of the medians, the medians, and every round's ratio.
fn report(figure: &str, unit: &str, rounds: &[(f64, f64)]) {
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (ours, limit) = (median(|round| round.0), median(|round| round.1));
    let each: Vec<String> = rounds.iter().map(|(ours, limit)| format!("{:.2}", ours / limit)).collect();
    println!("{figure:<44} {:>10.3} {ours:>12.0} {limit:>12.0}  {unit}; {}", ours / limit, each.join(" "));
}
