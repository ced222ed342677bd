//! Following a sigchain server while its chains are as long as they may be: how long after its revocation a device is out,
//! against one of a new chain, and what readiness says meanwhile.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::registration::Statement;
use kez_core::sigchain::{Body, Place, Possession, RevokeReason, Role};
use kez_core::{Hash, SigningKey};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const NAME: &str = "bench.test";
/// Canonical bytes of a chain that is as long as it may be, but for what is kept for its owner.
const LONG: usize = 900 * 1024;
/// Chains of that length, all of which change while a device is revoked.
const CHAINS: u64 = 8;
/// Revocations that are measured of each kind.
const ROUNDS: u64 = 7;
/// How long a revoked device may stand.
const PROMISE: Duration = Duration::from_secs(5);

/// Somebody with a handle and a chain.
struct Owner {
    key: SigningKey,
    recovery: SigningKey,
    /// Whether the recovery key signs: the other one has done its share for a day.
    is_spent: bool,
    next: Place,
    /// The log, as another server would give it.
    entries: Vec<Value>,
    bytes: usize,
    devices: u64,
}

/// The two servers.
struct World {
    http: reqwest::Client,
    chat: String,
    sig: String,
    _children: [Child; 2],
}

/// Median seconds until a revoked device is out: of a chain that is as long as it may be while others of that length change,
/// and of a new chain when nothing else happens; and how often readiness did not say `ok`.
pub(crate) async fn revocations() -> (f64, f64, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::start(folder.path()).await;
    let mut new = Owner::start(&world, 1).await;
    let mut idle = Vec::new();
    for _ in 0..ROUNDS {
        idle.push(new.time_to_be_out(&world).await);
    }
    let mut long = Vec::new();
    for number in 2..2 + CHAINS {
        let mut owner = Owner::start(&world, number).await;
        owner.grow();
        owner.put(&world).await;
        long.push(owner);
    }
    let (is_over, bad) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watching = tokio::spawn(watch(world.http.clone(), world.chat.clone(), is_over.clone(), bad.clone()));
    let mut attacked = Vec::new();
    let (victim, others) = long.split_first_mut().expect("there are some");
    for _ in 0..ROUNDS {
        for other in &mut *others {
            let event = other.claim();
            other.post(&world, &event).await;
        }
        attacked.push(victim.time_to_be_out(&world).await);
    }
    is_over.store(true, Ordering::Relaxed);
    watching.await.expect("it ends");
    (median(attacked), median(idle), bad.load(Ordering::Relaxed))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// Counts answers of readiness that are not `ok`.
async fn watch(http: reqwest::Client, chat: String, is_over: Arc<AtomicBool>, bad: Arc<AtomicUsize>) {
    while !is_over.load(Ordering::Relaxed) {
        let answer = http.get(format!("{chat}/v1/readyz")).send().await.expect("an answer");
        if answer.status() != 200 {
            bad.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl World {
    async fn start(folder: &Path) -> World {
        // Each has to know the other's address before it starts.
        let [chat, sig] = [free().await, free().await];
        let args = |bind: &str, db: &str, more: [&str; 2]| -> Vec<String> {
            let db = folder.join(db).to_str().expect("UTF-8").to_owned();
            let all = ["--bind", bind, "--server", NAME, "--db", &db, more[0], more[1]];
            all.map(str::to_owned).to_vec()
        };
        let (chat_url, sig_url) = (format!("http://{chat}"), format!("http://{sig}"));
        let children = [
            spawn("KEZ_CHAT_SERVER_BIN", &args(&chat, "chat.db", ["--sig-server-url", &sig_url])).await,
            spawn("KEZ_SIG_SERVER_BIN", &args(&sig, "sig.db", ["--registry-url", &chat_url])).await,
        ];
        World { http: reqwest::Client::new(), chat: chat_url, sig: sig_url, _children: children }
    }

    async fn send(&self, method: reqwest::Method, url: String, body: Vec<u8>) {
        let request = self.http.request(method, url).header("content-type", "application/json").body(body);
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
    }

    /// Waits until a key stands for somebody, or for nobody.
    async fn wait(&self, key: &SigningKey, stands: bool) {
        let url = format!("{}/v1/k/ed25519/{}", self.chat, key.id().hex());
        let asked = async {
            while (self.http.get(&url).send().await.expect("an answer").status() == 200) != stands {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PROMISE * 12, asked).await.expect("it is followed");
    }
}

async fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration but this")]
async fn spawn(variable: &str, args: &[String]) -> Child {
    let program = std::env::var(variable).unwrap_or_default();
    assert!(Path::new(&program).is_file(), "{variable} must name a release build; `make attack` sees to it");
    let mut child =
        Command::new(program).args(args).stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    while !log.next_line().await.expect("a log").expect("a line").contains("is listening") {}
    // Somebody has to read the log, or the program would wait for it.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    child
}

fn key(number: u64) -> SigningKey {
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_seed(&seed)
}

impl Owner {
    /// Registers, and begins a chain.
    async fn start(world: &World, number: u64) -> Owner {
        let key = key(number);
        let handle = format!("owner{number}").parse().expect("a handle");
        let envelope = Statement::registration(handle, NAME.parse().expect("a name"), SystemClock.now()).sign(&key);
        world.send(reqwest::Method::POST, format!("{}/v1/register", world.chat), envelope).await;
        let (id, recovery) = (key.id(), self::key(number + (1 << 32)));
        let body = Body::Genesis {
            primary: id,
            rotation_keys: vec![recovery.id(), id],
            server: NAME.parse().expect("a name"),
        };
        let next = Place::genesis(id);
        let mut owner =
            Owner { key, recovery, is_spent: false, next, entries: Vec::new(), bytes: 0, devices: number << 40 };
        let genesis = owner.sign(&body);
        owner.post(world, &genesis).await;
        owner
    }

    fn path(&self, world: &World) -> String {
        format!("{}/v1/sigchains/ed25519/{}", world.sig, self.key.id().hex())
    }

    /// The next event, which is in the log from now on.
    fn sign(&mut self, body: &Body) -> Vec<u8> {
        let now = SystemClock.now();
        let event = self.next.sign(body, now, if self.is_spent { &self.recovery } else { &self.key });
        self.next = Place { chain: self.key.id(), seq: self.next.seq + 1, prev: Some(Hash::of(&event)) };
        self.bytes += event.len();
        let parsed: Value = serde_json::from_slice(&event).expect("JSON");
        self.entries.push(json!({ "event": parsed, "received_at": now }));
        event
    }

    fn device(&mut self) -> (SigningKey, Vec<u8>) {
        self.devices += 1;
        let device = key(self.devices);
        let pop = Possession { place: &self.next, role: Role::Device, enc_key: None }.prove(&device);
        let event = self.sign(&Body::AddDeviceKey { key: device.id(), enc_key: None, pop });
        (device, event)
    }

    fn revocation(&mut self, device: &SigningKey) -> Vec<u8> {
        self.sign(&Body::RevokeKey { key: device.id(), reason: RevokeReason::Lost })
    }

    fn claim(&mut self) -> Vec<u8> {
        let text = |text: &str| text.to_owned();
        let claim = kez_core::sigchain::Claim { r#type: text("dns"), subject: text("a.example"), proof: text("dns:a") };
        self.sign(&Body::ClaimAdd { claim })
    }

    /// Devices come and go until the chain is as long as it may be.
    fn grow(&mut self) {
        while self.bytes < LONG {
            let (device, _) = self.device();
            self.revocation(&device);
        }
        self.is_spent = true;
    }

    async fn post(&self, world: &World, event: &[u8]) {
        world.send(reqwest::Method::POST, format!("{}/events", self.path(world)), event.to_vec()).await;
    }

    /// Hands the whole log in: what is brought from elsewhere has no limit of time.
    async fn put(&self, world: &World) {
        let audit = json!({ "chain": self.key.id(), "entries": self.entries });
        world.send(reqwest::Method::PUT, self.path(world), audit.to_string().into_bytes()).await;
    }

    /// Adds a device, revokes it, and waits until it is out at the chat server.
    async fn time_to_be_out(&mut self, world: &World) -> Duration {
        let (device, event) = self.device();
        self.post(world, &event).await;
        world.wait(&device, true).await;
        let event = self.revocation(&device);
        self.post(world, &event).await;
        let since = Instant::now();
        world.wait(&device, false).await;
        since.elapsed()
    }
}
