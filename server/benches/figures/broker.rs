//! The broker in front of our callout: what an answer costs, and how many clients get in how soon, against the same
//! broker with a user that it knows itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use kez_core::nats_login::{Login, Nonce};
use kez_core::nkey::{Nkey, NkeyKind};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::target::{self, NAME, Target};
use crate::writes::cpu_seconds;
use crate::{ROUNDS, load, report};

/// Keys that take turns: none has more sessions at once than it may.
const KEYS: u64 = 1_000;
/// Logins a round, and how many at once.
const COUNT: u64 = 3_000;
const AT_ONCE: usize = 64;
/// Clients that come back all at once.
const STORM: usize = 2_000;

pub(crate) async fn logins() {
    let folder = tempfile::tempdir().expect("a folder");
    let deployment = Deployment::start(folder.path()).await;
    let requests = (0..KEYS).map(|number| target::registration(&format!("user{number}"), number)).collect();
    load::each(&deployment.server.address, requests, 8, 201).await;
    let (mut rates, mut costs, mut storms, mut refused) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut brokers, mut bounds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (ours, us) = deployment.costs(Who::Users).await;
        let (limit, them) = deployment.costs(Who::Static).await;
        rates.push((ours, limit));
        costs.push((us.server, crate::answers::bare()));
        brokers.push((us.broker, them.broker));
        bounds.push(format!("{:.2}", (them.broker + them.clients) / (us.broker + us.clients)));
        // Seconds: the smaller the better, so the ratio says how many times as long it takes.
        let (ours, limit) = (deployment.storm(Who::Users).await, deployment.storm(Who::Static).await);
        storms.push((ours.0, limit.0));
        refused.push(format!("{}/{}", ours.1, limit.1));
    }
    report("logins through the callout", "logins/s", &rates);
    report("CPU a login, the whole server", "us", &costs);
    report("CPU a login, the broker", "us", &brokers);
    println!("logins' ratio by CPU, were the server's nothing  {}", bounds.join(" "));
    report("2,000 clients at once, until all are in", "ms", &storms);
    println!("of these, refused and back: ours/limit         {}", refused.join(" "));
}

/// As whom the load generator logs in.
#[derive(Clone, Copy)]
enum Who {
    /// Registered keys, through the callout.
    Users,
    /// A user of the broker's configuration.
    Static,
}

/// Microseconds of CPU for a login.
struct Cost {
    server: f64,
    broker: f64,
    clients: f64,
}

struct Deployment {
    nats: String,
    server: Target,
    static_user: Arc<SigningKey>,
    users: Arc<Vec<kez_core::SigningKey>>,
    broker: Child,
}

impl Deployment {
    async fn start(folder: &Path) -> Deployment {
        let out = folder.join("deployment");
        let nats = init(&out).await;
        let broker = Command::new(target::program("KEZ_NATS_SERVER_BIN"))
            .arg("-c")
            .arg(out.join("nats.conf"))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the broker starts");
        while TcpStream::connect(&nats).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let key = |name: &str| out.join(format!("keys/{name}.nk")).to_str().expect("UTF-8").to_owned();
        let mut flags = vec!["--nats-url".to_owned(), format!("nats://{nats}")];
        for name in ["issuer", "auth", "store", "sys"] {
            flags.extend([format!("--nats-{name}-seed"), key(name)]);
        }
        let server = target::ours_with(folder, &flags).await;
        while load::status(&server.address, "/v1/readyz").await != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let seed = std::fs::read_to_string(key("store")).expect("a seed");
        let (_, seed) = nkeys::decode_seed(seed.trim()).expect("a good one");
        let users = Arc::new((0..KEYS).map(target::key).collect());
        Deployment { nats, server, static_user: Arc::new(SigningKey::from_bytes(&seed)), users, broker }
    }

    /// Logins a second, and what each cost.
    async fn costs(&self, who: Who) -> (f64, Cost) {
        let pids = [self.server.child.id(), self.broker.id(), Some(std::process::id())];
        let used = || pids.map(|pid| cpu_seconds(pid.expect("it runs")));
        let before = used();
        let rate = self.rate(who).await;
        let after = used();
        let [server, broker, clients] = std::array::from_fn(|n| (after[n] - before[n]) * 1e6 / COUNT as f64);
        (rate, Cost { server, broker, clients })
    }

    /// Logins a second, one after the other on [`AT_ONCE`] tasks, each on a connection of its own.
    async fn rate(&self, who: Who) -> f64 {
        let next = Arc::new(AtomicU64::new(0));
        let started = Instant::now();
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (next, client) = (next.clone(), self.client(who));
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= COUNT {
                            return;
                        }
                        assert!(client.login(number).await.is_some(), "a login failed");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("it ends");
        }
        COUNT as f64 / started.elapsed().as_secs_f64()
    }

    /// Milliseconds until all of [`STORM`] clients are in that come at once and come back when they are refused. Their
    /// connections stay open until the last is in. And how often one was refused.
    async fn storm(&self, who: Who) -> (f64, u64) {
        let refused = Arc::new(AtomicU64::new(0));
        let started = Instant::now();
        let tasks: Vec<_> = (0..STORM as u64)
            .map(|number| {
                let (client, refused) = (self.client(who), refused.clone());
                tokio::spawn(async move {
                    let deadline = Instant::now() + Duration::from_secs(60);
                    loop {
                        if let Some(connection) = client.login(number).await {
                            return connection;
                        }
                        refused.fetch_add(1, Ordering::Relaxed);
                        assert!(Instant::now() < deadline, "a client never got in");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                })
            })
            .collect();
        let mut connections = Vec::new();
        for task in tasks {
            connections.push(task.await.expect("it ends"));
        }
        (started.elapsed().as_secs_f64() * 1e3, refused.load(Ordering::Relaxed))
    }

    fn client(&self, who: Who) -> Client {
        let (nats, static_user, users) = (self.nats.clone(), self.static_user.clone(), self.users.clone());
        Client { nats, who, static_user, users }
    }
}

struct Client {
    nats: String,
    who: Who,
    static_user: Arc<SigningKey>,
    users: Arc<Vec<kez_core::SigningKey>>,
}

impl Client {
    /// A connection on which PING was answered, or nothing if the broker refused.
    async fn login(&self, number: u64) -> Option<BufReader<TcpStream>> {
        let mut stream = BufReader::new(TcpStream::connect(&self.nats).await.ok()?);
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let info: serde_json::Value = serde_json::from_str(line.strip_prefix("INFO ")?).ok()?;
        let nonce: Nonce = info["nonce"].as_str()?.parse().ok()?;
        let (nkey, sig) = match self.who {
            Who::Users => {
                let key = &self.users[usize::try_from(number % KEYS).ok()?];
                let login = Login::sign(key, &NAME.parse().ok()?, &nonce);
                (login.nkey, login.sig)
            }
            Who::Static => {
                let nkey = Nkey::new(NkeyKind::User, self.static_user.verifying_key().to_bytes()).to_string();
                let sig = self.static_user.sign(nonce.to_string().as_bytes()).to_bytes();
                (nkey, data_encoding::BASE64URL_NOPAD.encode(&sig))
            }
        };
        let connect =
            format!("CONNECT {{\"verbose\":false,\"protocol\":1,\"nkey\":\"{nkey}\",\"sig\":\"{sig}\"}}\r\nPING\r\n");
        stream.write_all(connect.as_bytes()).await.ok()?;
        line.clear();
        while stream.read_line(&mut line).await.ok()? > 0 {
            match line.as_str() {
                "PONG\r\n" => return Some(stream),
                text if text.starts_with("-ERR") => return None,
                _ => line.clear(),
            }
        }
        None
    }
}

/// Writes a deployment with free ports, and gives the broker's address.
async fn init(out: &PathBuf) -> String {
    let taken = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [nats, web, monitor] = taken.map(|listener| listener.local_addr().expect("an address").to_string());
    let mut command = Command::new(target::program("KEZ_CHAT_SERVER_BIN"));
    command.args(["init", "--server", NAME, "--nats-listen", &nats, "--nats-ws-listen", &web]);
    command.args(["--nats-http-listen", &monitor, "--out"]).arg(out);
    let ended = command.output().await.expect("it runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    nats
}
