//! Connections that cost whoever holds them nothing: idle ones, half heads, bodies of a byte a second, answers that nobody
//! reads; straight from one address, and through a proxy that the server trusts, which may have as many as it wants.
//!
//! The attacker is a process of its own. It stands for another machine, so it computes only while nobody else wants to:
//! the server and the victim have the time that they would have without it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::Hash;
use kez_core::sigchain::{Body, Claim, Place};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};

use crate::load::Connection;
use crate::target::{self, NAME, Target};

/// The victim's address, that of an attacker, and that of the proxy.
const VICTIM: [u8; 4] = [127, 0, 0, 2];
const ATTACKER: [u8; 4] = [127, 0, 0, 3];
const PROXY: [u8; 4] = [127, 0, 0, 4];

/// How long the victim looks names up at a time, and how often: the median of their p99s counts.
const WATCHED: Duration = Duration::from_secs(4);
const TIMES: usize = 3;
/// How long the server has to give the memory back.
const AFTER: Duration = Duration::from_secs(60);
/// Events of a chain that is exported over and over.
const EVENTS: u64 = 400;

const LOOKUP: &[u8] = b"GET /v1/u/victim HTTP/1.1\r\nhost: bench.test\r\n\r\n";
const IDLE: usize = 8_000;
const HALF_HEADS: usize = 600;
/// As large as they may be, so that the server waits for the rest.
const LARGE_HEADS: usize = 3_000;
const SLOW_BODIES: usize = 600;
const UNREAD: usize = 300;

#[derive(Clone, Copy)]
enum Attack {
    Idle,
    HalfHeads,
    LargeHeads,
    SlowBodies,
    Unread,
}

const ATTACKS: [(&str, Attack); 5] = [
    ("8,000 idle connections", Attack::Idle),
    ("600 half heads of 390 kB", Attack::HalfHeads),
    ("3,000 half heads of 30 kB", Attack::LargeHeads),
    ("600 bodies of a byte a second", Attack::SlowBodies),
    ("300 exports that nobody reads", Attack::Unread),
];

/// Those whose names have one of these words in them, or all where there is none.
pub(crate) async fn all(words: &[String]) {
    for (number, (name, _)) in ATTACKS.iter().enumerate() {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word)) {
            continue;
        }
        for (way, from) in [("straight", ATTACKER), ("through a proxy", PROXY)] {
            one(&format!("{name}, {way}"), number, from).await;
        }
    }
}

async fn one(name: &str, attack: usize, from: [u8; 4]) {
    let folder = tempfile::tempdir().expect("a folder");
    let proxies = format!("{}/32", std::net::Ipv4Addr::from(PROXY));
    let flags = ["--trusted-proxies", &proxies, "--export", "public"].map(str::to_owned);
    let target = target::ours_with(folder.path(), &flags).await;
    fill(&target).await;
    let (idle, before) = (p99(&target).await, resident(&target));
    let mut attacker = start(&target, attack, from).await;
    let (pid, attacking) = (target.child.id().expect("it runs"), attacker.id().expect("it runs"));
    let (since, used, theirs) = (Instant::now(), cpu(pid), cpu(attacking));
    let attacked = p99(&target).await;
    let share = |from: f64, to: f64| 100.0 * (to - from) / since.elapsed().as_secs_f64();
    let shares = (share(used, cpu(pid)), share(theirs, cpu(attacking)));
    let under = resident(&target);
    attacker.kill().await.expect("it ran");
    tokio::time::sleep(AFTER).await;
    let after = resident(&target);
    crate::report(&format!("p99 (ms), {name}"), attacked, idle);
    println!("{:<44} {before:>7} KiB before, {under} under attack, {after} a minute after", "");
    println!("{:<44} {:>7.0} % of a core for the server, {:.0} % for the attacker", "", shares.0, shares.1);
}

/// A name to look up, and a chain that makes exports large.
async fn fill(target: &Target) {
    let mut connection = Connection::open(&target.address).await;
    assert_eq!(connection.ask(&target::registration("victim", 1)).await.0, 201);
    let chain = target::key(1).id();
    let mut next = Place::genesis(chain);
    let genesis = Body::Genesis {
        primary: chain,
        rotation_keys: vec![target::key(2).id(), chain],
        server: NAME.parse().expect("a name"),
    };
    let mut body = genesis;
    for _ in 0..EVENTS {
        let event = next.sign(&body, SystemClock.now(), &target::key(1));
        let path = format!("/v1/sigchains/ed25519/{}/events", chain.hex());
        let (status, answer) = connection.ask(&post(&path, &event)).await;
        if status != 201 {
            // As long as the server takes of one key in a day.
            assert!(next.seq > 50, "{}", String::from_utf8_lossy(&answer));
            return;
        }
        let id = Hash::of(&event);
        next = Place { chain, seq: next.seq + 1, prev: Some(id) };
        let claim = Claim { r#type: "dns".to_owned(), subject: "a.example".to_owned(), proof: "x".repeat(2_000) };
        body = if next.seq.is_multiple_of(2) { Body::ClaimAdd { claim } } else { Body::ClaimRemove { claim: id } };
    }
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body.to_vec()].concat()
}

/// Starts this program as the attacker, and waits until it is at it.
async fn start(target: &Target, attack: usize, from: [u8; 4]) -> Child {
    let program = std::env::current_exe().expect("this program has a path");
    let attacker = Command::new("chrt")
        .args(["--idle", "0"])
        .arg(program)
        .args([ATTACKING, &attack.to_string(), &std::net::Ipv4Addr::from(from).to_string(), &target.address])
        .kill_on_drop(true)
        .spawn()
        .expect("chrt(1) is there");
    tokio::time::sleep(Duration::from_secs(10)).await;
    attacker
}

/// The word that makes this program the attacker; the number of the attack, its address and the server's follow.
pub(crate) const ATTACKING: &str = "--attack";

/// Keeps an attack up until the process is ended: what is cut is opened again.
pub(crate) async fn attack(words: &[String]) {
    let [attack, from, address] = words else { panic!("{ATTACKING} <number> <from> <server>") };
    let (_, attack) = ATTACKS[attack.parse::<usize>().expect("a number")];
    let from: std::net::Ipv4Addr = from.parse().expect("an address");
    let _ = rlimit::increase_nofile_limit(20_000);
    let count = match attack {
        Attack::Idle => IDLE,
        Attack::HalfHeads => HALF_HEADS,
        Attack::LargeHeads => LARGE_HEADS,
        Attack::SlowBodies => SLOW_BODIES,
        Attack::Unread => UNREAD,
    };
    for number in 0..count {
        let address = address.clone();
        tokio::spawn(async move {
            loop {
                if let Ok(stream) = connect(&address, from.octets()).await {
                    hold(stream, attack, number).await;
                }
                // One machine opens so many a second and no more.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
    std::future::pending::<()>().await;
}

/// Holds a connection until the server ends it.
async fn hold(mut stream: TcpStream, attack: Attack, number: usize) {
    let mut head = String::from(match attack {
        Attack::Idle => "",
        Attack::HalfHeads | Attack::LargeHeads => "GET /v1/healthz HTTP/1.1\r\nhost: a\r\n",
        Attack::SlowBodies => {
            "POST /v1/register HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 16000\r\n"
        }
        Attack::Unread => "GET /v1/export?limit=500 HTTP/1.1\r\nhost: a\r\n",
    });
    if !head.is_empty() {
        let _ = write!(head, "x-forwarded-for: 198.51.{}.{}\r\n", number / 250, number % 250);
    }
    match attack {
        Attack::Idle => {}
        Attack::HalfHeads => head.extend((0..95).map(|_| format!("x: {}\r\n", "y".repeat(4_000)))),
        Attack::LargeHeads => head.extend((0..30).map(|_| format!("x: {}\r\n", "y".repeat(1_000)))),
        // Again and again on one connection.
        Attack::Unread => head = format!("{head}\r\n").repeat(16),
        Attack::SlowBodies => head.push_str("\r\n"),
    }
    let (mut reading, mut writing) = stream.split();
    let _ = writing.write_all(head.as_bytes()).await;
    match attack {
        Attack::SlowBodies => {
            while writing.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        // Waiting for bytes to write is how to hear of the end without reading any.
        Attack::Unread => while writing.write_all(head.as_bytes()).await.is_ok() {},
        Attack::Idle | Attack::HalfHeads | Attack::LargeHeads => {
            while let Ok(1..) = reading.read(&mut [0; 1_024]).await {}
        }
    }
}

async fn connect(address: &str, from: [u8; 4]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(address.parse().expect("an address")).await
}

/// The median of several runs of [`watch`].
async fn p99(target: &Target) -> f64 {
    let mut found = Vec::new();
    for _ in 0..TIMES {
        found.push(watch(target).await);
    }
    found.sort_by(f64::total_cmp);
    found[TIMES / 2]
}

/// The time in milliseconds that 99 of 100 lookups take at most, half of them on connections of their own.
async fn watch(target: &Target) -> f64 {
    let started = Instant::now();
    let mut times = Vec::new();
    let mut kept = None;
    while started.elapsed() < WATCHED {
        let asked = Instant::now();
        if let Some(mut stream) = kept.take()
            && ask(&mut stream).await.is_ok()
        {
            times.push(asked.elapsed());
            // One connection for two lookups: then the next begins with a new one.
            continue;
        }
        let asked = Instant::now();
        loop {
            // Whoever is not let in tries again, and has waited all the while.
            if let Ok(mut stream) = connect(&target.address, VICTIM).await
                && ask(&mut stream).await.is_ok()
            {
                kept = Some(stream);
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times.sort();
    times[times.len() * 99 / 100].as_secs_f64() * 1e3
}

async fn ask(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(LOOKUP).await?;
    let mut answer = [0; 4_096];
    let read = stream.read(&mut answer).await?;
    if answer[..read].starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err(std::io::ErrorKind::Other.into()) }
}

/// The seconds of processor time that a process has used.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
    // Fields 14 and 15 in ticks of a hundredth of a second, proc_pid_stat(5).
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum::<f64>();
    ticks / 100.0
}

/// Resident KiB of the server.
fn resident(target: &Target) -> u64 {
    let pid = target.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
