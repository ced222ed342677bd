//! Attacks that take their time, and what somebody else notices of each: latencies under attack as ratios to those of the
//! idle server, in one run.
//!
//! `cargo bench -p kez-chat-server --bench attack` runs them on the release builds of the servers, whose paths are in
//! `KEZ_CHAT_SERVER_BIN` and `KEZ_SIG_SERVER_BIN`, with the broker `KEZ_NATS_SERVER_BIN`. `make attack` sees to all. Words
//! after `--` choose: groups, or `connections` and words of its lines.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and ends at the unexpected")]

mod cold_chains;
mod connections;
mod exports;
mod floods;
mod follower;
#[path = "../figures/load.rs"]
#[expect(dead_code, reason = "the figures use all of it")]
mod load;
#[path = "../figures/target.rs"]
#[expect(dead_code, reason = "the figures use all of it")]
mod target;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = words.as_slice()
        && first == connections::ATTACKING
    {
        return connections::attack(rest).await;
    }
    // `cargo test` runs every target once; a benchmark has nothing to say there.
    if !words.iter().any(|argument| argument == "--bench") {
        return;
    }
    println!("{:<60} {:>10} {:>12} {:>12}", "what the victim notices", "ratio", "attacked", "idle");
    let chosen: Vec<String> = words.into_iter().filter(|argument| !argument.starts_with("--")).collect();
    let is_chosen = |group: &str| chosen.is_empty() || chosen.iter().any(|name| name == group);
    match chosen.split_first() {
        None => connections::all(&[]).await,
        Some((group, words)) if group == "connections" => connections::all(words).await,
        Some(_) => {}
    }
    if is_chosen("exports") {
        let exports::Lookups { idle, exports, imports } = exports::lookups().await;
        report("lookups' p99, 11 exports a second (s)", exports, idle);
        report("lookups' p99, whole logs handed in (s)", imports, idle);
        let exports::Memory { before, strangers, owners } = exports::memory().await;
        report("memory, 4 × 32 MiB of [ by strangers (MiB)", strangers, before);
        report("memory, 4 × 32 MiB of [ by owners (MiB)", owners, before);
    }
    if is_chosen("chains") {
        let cold_chains::Noticed { lookup: [idle, kept, anew], all: [from_checkpoints, verified] } =
            cold_chains::loads().await;
        report("lookups' p99, cold chains with checkpoints (ms)", kept, idle);
        report("lookups' p99, cold chains verified anew (ms)", anew, idle);
        report("all cold chains, with checkpoints to without (s)", from_checkpoints, verified);
    }
    if is_chosen("follower") {
        let (attacked, idle, unready) = follower::revocations().await;
        report("a revoked device is out, long chains (s)", attacked, idle);
        println!("{:<60} {unready:>10}", "answers of readyz that were not ok meanwhile");
    }
    if is_chosen("floods") {
        floods().await;
    }
}

async fn floods() {
    use floods::Kind;
    let world = floods::World::start().await;
    let idle = world.notice(None).await;
    let kinds = [
        ("messages to nobody", Kind::Nobody),
        ("huge ids", Kind::Ids),
        ("refused messages", Kind::Refused),
        ("requests and acknowledgements", Kind::Reading),
    ];
    for (number, (name, kind)) in (0..).zip(kinds) {
        let attacked = world.notice(Some((kind, number))).await;
        let line = |what: &str, attacked, idle| report(&format!("{name}: {what}"), attacked, idle);
        line("a friend's request (s, median)", attacked.request.0, idle.request.0);
        line("a friend's request (s, longest)", attacked.request.1, idle.request.1);
        line("a login (s, median)", attacked.login.0, idle.login.0);
        line("a login (s, longest)", attacked.login.1, idle.login.1);
        line("the broker's memory (MiB)", attacked.broker, idle.broker);
        line("the server's memory (MiB)", attacked.server, idle.server);
    }
}

/// One line: the ratio, and what it is of.
fn report(what: &str, attacked: f64, idle: f64) {
    println!("{what:<60} {:>10.2} {attacked:>12.3} {idle:>12.3}", attacked / idle);
}
