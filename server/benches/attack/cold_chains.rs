//! Somebody asks for many chains that nobody asked for lately, each as long as a chain may be: what that takes, from
//! checkpoints and without, and what somebody else's lookups notice.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::SigningKey;
use kez_core::registration::Statement;
use kez_core::sigchain::{Body, Chain, Claim, Place, Unverified};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const NAME: &str = "bench.test";
/// Chains that are asked for.
const CHAINS: u64 = 48;
/// Events of each: about as many as there is room for.
const EVENTS: usize = 1_500;
/// Requests of the attacker at the same time.
const AT_ONCE: usize = 16;

/// What was noticed.
pub(crate) struct Noticed {
    /// Milliseconds of somebody's lookup, the 99th of a hundred: idle, and while chains are loaded from checkpoints, and
    /// while they are verified anew.
    pub(crate) lookup: [f64; 3],
    /// Seconds for all chains: from checkpoints, and verified anew.
    pub(crate) all: [f64; 2],
}

/// A server on a folder.
struct Server {
    base: String,
    child: Child,
    http: reqwest::Client,
}

/// Asks for all chains of a server that was just started, with and without their checkpoints.
pub(crate) async fn loads() -> Noticed {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path()).await;
    for number in 0..CHAINS {
        server.register(number).await;
        let answer = server.http.put(format!("{}{}", server.base, path(number))).body(log(number));
        let answer = answer.header("content-type", "application/json").send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap_or_default());
    }
    server.register(CHAINS).await;
    server.stop().await;

    let server = Server::start(folder.path()).await;
    let idle = server.victim(Arc::new(AtomicBool::new(false)), 2_000).await;
    let (kept, with) = server.attack().await;
    server.stop().await;
    let mut db =
        SqliteConnectOptions::new().filename(folder.path().join("kez.db")).connect().await.expect("a database");
    let deleted = sqlx::query("DELETE FROM checkpoints").execute(&mut db).await.expect("SQL").rows_affected();
    assert_eq!(deleted, CHAINS, "each chain has one");
    db.close().await.expect("it closes");
    let server = Server::start(folder.path()).await;
    let (anew, without) = server.attack().await;
    Noticed { lookup: [idle, with, without], all: [kept, anew] }
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration but this")]
    async fn start(folder: &Path) -> Server {
        let program = std::env::var("KEZ_CHAT_SERVER_BIN").unwrap_or_default();
        assert!(
            Path::new(&program).is_file(),
            "KEZ_CHAT_SERVER_BIN must name a release build; `make attack` sees to it"
        );
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1:0", "--server", NAME, "--db"]).arg(folder.join("kez.db"));
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("a log").expect("a line");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(address) = line["address"].as_str() {
                break address.to_owned();
            }
        };
        // Somebody has to read the log, or the server would wait for it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = reqwest::Client::builder().timeout(Duration::from_secs(120)).build().expect("a client");
        Server { base: format!("http://{address}"), child, http }
    }

    /// Ends it in an orderly way, so that what was to be kept is.
    async fn stop(mut self) {
        drop(self.http);
        let pid = self.child.id().expect("it runs").to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(told.success() && self.child.wait().await.expect("it ends").success());
    }

    async fn register(&self, number: u64) {
        let handle = format!("n{number:03}").parse().expect("a handle");
        let statement = Statement::registration(handle, NAME.parse().expect("a name"), SystemClock.now());
        let request = self.http.post(format!("{}/v1/register", self.base)).body(statement.sign(&key(number)));
        let answer = request.header("content-type", "application/json").send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
    }

    /// Asks for every chain once; gives the seconds that it took, and what the victim noticed.
    async fn attack(&self) -> (f64, f64) {
        let is_over = Arc::new(AtomicBool::new(false));
        let victim = tokio::spawn({
            let (server, is_over) = (self.alike(), is_over.clone());
            async move { server.victim(is_over, usize::MAX).await }
        });
        let started = Instant::now();
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..CHAINS {
            if asking.len() == AT_ONCE {
                asking.join_next().await;
            }
            let url = format!("{}{}/head", self.base, path(number));
            let http = self.http.clone();
            asking.spawn(async move { assert_eq!(http.get(url).send().await.expect("an answer").status(), 200) });
        }
        asking.join_all().await;
        let took = started.elapsed().as_secs_f64();
        is_over.store(true, Ordering::SeqCst);
        (took, victim.await.expect("the victim ends well"))
    }

    fn alike(&self) -> Victim {
        Victim { url: format!("{}/v1/u/n{CHAINS:03}", self.base), http: self.http.clone() }
    }

    async fn victim(&self, is_over: Arc<AtomicBool>, most: usize) -> f64 {
        self.alike().victim(is_over, most).await
    }
}

/// Somebody who looks a name up, again and again.
struct Victim {
    url: String,
    http: reqwest::Client,
}

impl Victim {
    /// Milliseconds of the 99th of a hundred lookups.
    async fn victim(&self, is_over: Arc<AtomicBool>, most: usize) -> f64 {
        let mut took = Vec::new();
        while took.is_empty() || (took.len() < most && !is_over.load(Ordering::SeqCst)) {
            let started = Instant::now();
            assert_eq!(self.http.get(&self.url).send().await.expect("an answer").status(), 200);
            took.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        took.sort_by(f64::total_cmp);
        took[(took.len() - 1) * 99 / 100]
    }
}

fn key(number: u64) -> SigningKey {
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_seed(&seed)
}

fn path(number: u64) -> String {
    format!("/v1/sigchains/ed25519/{}", key(number).id().hex())
}

/// The log of a chain: claims that are added and taken back.
fn log(number: u64) -> String {
    let (key, now) = (key(number), SystemClock.now());
    let (id, mut chain) = (key.id(), Chain::new(key.id()));
    let mut entries = Vec::new();
    let mut claim = None;
    while entries.len() < EVENTS {
        let (place, body) = match claim.take() {
            None if entries.is_empty() => {
                let server = NAME.parse().expect("a name");
                (Place::genesis(id), Body::Genesis { primary: id, rotation_keys: vec![id], server })
            }
            None => {
                let claim = Claim { r#type: "dns".into(), subject: "a.example".into(), proof: "dns:_kez".into() };
                (chain.next(), Body::ClaimAdd { claim })
            }
            Some(claim) => (chain.next(), Body::ClaimRemove { claim }),
        };
        let text = place.sign(&body, now, &key);
        let event = Unverified::parse(&text).expect("an event");
        if matches!(body, Body::ClaimAdd { .. }) {
            claim = Some(event.id());
        }
        chain.append(event, now).expect("it fits");
        let event: Value = serde_json::from_slice(&text).expect("JSON");
        entries.push(json!({ "event": event, "received_at": now }));
    }
    json!({ "chain": id, "entries": entries }).to_string()
}
