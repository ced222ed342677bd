//! Reading and handing in all that a server takes: whole logs, over and over, while somebody looks names up.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::registration::Statement;
use kez_core::sigchain::{Body, Claim, Place};
use kez_core::{Hash, SigningKey, Timestamp};
use reqwest::{Client, StatusCode};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

const NAME: &str = "bench.test";
/// Chains that are exported, and events of each: some 800 KiB.
const CHAINS: u8 = 4;
const EVENTS: i64 = 1_200;
/// How long each attack lasts, and exports in a second of it.
const TIME: Duration = Duration::from_secs(10);
const EXPORTS_PER_SECOND: u32 = 11;
/// Bytes of a body that is nothing but brackets, and how many are sent at once.
const BRACKETS: usize = 32 * 1024 * 1024;
const AT_ONCE: usize = 4;

/// A server with full chains in its database.
struct World {
    http: Client,
    base: String,
    child: Child,
    folder: tempfile::TempDir,
}

/// What lookups took, the 99th of a hundred, in seconds.
pub(crate) struct Lookups {
    pub(crate) idle: f64,
    pub(crate) exports: f64,
    pub(crate) imports: f64,
}

/// The most memory that the server had, in MiB.
pub(crate) struct Memory {
    pub(crate) before: f64,
    pub(crate) strangers: f64,
    pub(crate) owners: f64,
}

/// Lookups while nothing else happens, while somebody reads the whole log of a server that was just started, and while an
/// owner hands in the longest log.
pub(crate) async fn lookups() -> Lookups {
    let world = World::start().await;
    let logs = world.fill().await;
    // What the database holds was verified by nobody in this process.
    let world = world.restart().await;
    let idle = world.lookups_during(JoinSet::new()).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let mut attackers = JoinSet::new();
    for nth in 0..EXPORTS_PER_SECOND {
        let (http, base, is_over) = (world.http.clone(), world.base.clone(), is_over.clone());
        attackers.spawn(async move {
            let mut after = u64::from(nth) * 400;
            tokio::time::sleep(Duration::from_secs(1) * nth / EXPORTS_PER_SECOND).await;
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let url = format!("{base}/v1/export?after={after}&limit=500");
                let answer = http.get(url).send().await.expect("an answer").bytes().await.expect("all of it");
                after = if answer.is_empty() { 0 } else { after + 500 };
                tokio::time::sleep(Duration::from_secs(1).saturating_sub(begun.elapsed())).await;
            }
        });
    }
    let exports = world.lookups_during(attackers).await;
    is_over.store(true, Ordering::Relaxed);

    let mut attackers = JoinSet::new();
    for (path, log) in logs {
        let (http, base) = (world.http.clone(), world.base.clone());
        attackers.spawn(async move {
            loop {
                let request = http.put(format!("{base}{path}")).header("content-type", "application/json");
                let answer = request.body(log.clone()).send().await.expect("an answer");
                assert!(matches!(answer.status().as_u16(), 200 | 503), "{}", answer.status());
            }
        });
    }
    let imports = world.lookups_during(attackers).await;
    Lookups { idle, exports, imports }
}

/// The server's memory, before and while four clients hand in 32 MiB of brackets each: for chains that are nobody's, and for
/// their own.
pub(crate) async fn memory() -> Memory {
    let world = World::start().await;
    let owners: Vec<String> = (0..CHAINS).map(|n| path(&key(n))).collect();
    for n in 0..CHAINS {
        world.register(n).await;
    }
    let strangers = owners.iter().map(|_| path(&key(200))).collect();
    let before = world.peak();
    world.brackets(strangers).await;
    let strangers = world.peak();
    world.brackets(owners).await;
    Memory { before, strangers, owners: world.peak() }
}

impl World {
    async fn start() -> World {
        World::start_in(tempfile::tempdir().expect("a folder")).await
    }

    async fn start_in(folder: tempfile::TempDir) -> World {
        let (base, child) = program(folder.path()).await;
        World { http: Client::new(), base, child, folder }
    }

    async fn restart(mut self) -> World {
        self.child.kill().await.expect("it ends");
        World::start_in(self.folder).await
    }

    async fn register(&self, n: u8) {
        let handle = format!("h{n:03}").parse().expect("a handle");
        let statement = Statement::registration(handle, NAME.parse().expect("a name"), SystemClock.now());
        let request = self.http.post(format!("{}/v1/register", self.base)).header("content-type", "application/json");
        let answer = request.body(statement.sign(&key(n))).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
    }

    /// Registers and hands in the chains; gives each one's path and log.
    async fn fill(&self) -> Vec<(String, String)> {
        let mut logs = Vec::new();
        for n in 0..CHAINS {
            self.register(n).await;
            let (path, log) = (path(&key(n)), log(&key(n)));
            let request = self.http.put(format!("{}{path}", self.base)).header("content-type", "application/json");
            let answer = request.body(log.clone()).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap_or_default());
            logs.push((path, log));
        }
        logs
    }

    /// Looks a name up for as long as an attack lasts; then ends the attack.
    async fn lookups_during(&self, mut attackers: JoinSet<()>) -> f64 {
        let url = format!("{}/v1/u/h000", self.base);
        let mut took = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < TIME {
            let asked = Instant::now();
            let answer = self.http.get(&url).send().await.expect("an answer");
            answer.bytes().await.expect("all of it");
            took.push(asked.elapsed().as_secs_f64());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        attackers.shutdown().await;
        took.sort_by(f64::total_cmp);
        took[took.len() * 99 / 100]
    }

    async fn brackets(&self, paths: Vec<String>) {
        let mut senders = JoinSet::new();
        for path in paths.into_iter().cycle().take(AT_ONCE) {
            let request = self.http.put(format!("{}{path}", self.base)).header("content-type", "application/json");
            senders.spawn(async move {
                // Refused, in whatever way.
                if let Ok(answer) = request.body(vec![b'['; BRACKETS]).send().await {
                    assert!(answer.status().is_client_error() || answer.status().is_server_error());
                }
            });
        }
        senders.join_all().await;
    }

    fn peak(&self) -> f64 {
        let process = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }
}

/// The server as a child, and its address.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration but this")]
async fn program(folder: &Path) -> (String, Child) {
    let path = std::env::var("KEZ_CHAT_SERVER_BIN").expect("KEZ_CHAT_SERVER_BIN names a release build");
    let mut command = Command::new(path);
    command.args(["--bind", "127.0.0.1:0", "--server", NAME, "--export", "public", "--db"]).arg(folder.join("kez.db"));
    let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the server starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let address = loop {
        let line = lines.next_line().await.expect("a log").expect("a line");
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        if let Some(address) = line["address"].as_str() {
            break address.to_owned();
        }
    };
    // Somebody has to read the log, or the server would wait for it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (format!("http://{address}"), child)
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n + 1; 32])
}

fn path(key: &SigningKey) -> String {
    format!("/v1/sigchains/ed25519/{}", key.id().hex())
}

/// The log of a chain whose owner claims something and takes it back, many times.
fn log(key: &SigningKey) -> String {
    let primary = key.id();
    let server = NAME.parse().expect("a name");
    // A key has a hundred events a day.
    let first = SystemClock.now().unix() - 86_400 * (EVENTS / 90 + 1);
    let mut place = Place::genesis(primary);
    let mut body = Body::Genesis { primary, rotation_keys: vec![primary], server };
    let mut entries = Vec::new();
    for n in 0..EVENTS {
        let at = Timestamp::from_unix(first + 86_400 * (n / 90));
        let event = place.sign(&body, at, key);
        let id = Hash::of(&event);
        place = Place { chain: primary, seq: place.seq + 1, prev: Some(id) };
        body = match body {
            Body::ClaimAdd { .. } => Body::ClaimRemove { claim: id },
            _ => {
                let text = |text: &str| text.to_owned();
                let claim = Claim { r#type: text("dns"), subject: format!("{n}.example"), proof: text("dns:_kez") };
                Body::ClaimAdd { claim }
            }
        };
        let event = String::from_utf8(event).expect("JSON");
        entries.push(format!(r#"{{"event":{event},"received_at":"{at}"}}"#));
    }
    format!(r#"{{"chain":"{primary}","entries":[{}]}}"#, entries.join(","))
}
