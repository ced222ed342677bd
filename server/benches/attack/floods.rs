//! One name that sends as fast as the broker takes it, in several ways, and what a friend and somebody who logs in notice.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::SigningKey;
use kez_core::nats_login::{Login, Nonce};
use kez_core::registration::Statement;
use kez_core::subject::Subjects;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const NAME: &str = "bench.test";
/// How long each attack goes on, and how long nothing does.
const ATTACK: Duration = Duration::from_secs(30);
/// Sessions of the attacker.
const SESSIONS: usize = 4;
/// Recipients that exist.
const KNOWN: u64 = 30;

/// What an attacker sends.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Large messages to recipients that do not exist.
    Nobody,
    /// Messages whose ids are as long as a message may be.
    Ids,
    /// Messages that are refused, because their place is full or they are too large.
    Refused,
    /// Requests for messages and acknowledgements.
    Reading,
}

/// What others noticed.
pub(crate) struct Noticed {
    /// Seconds from sending a request until it was read: the median, and the longest.
    pub(crate) request: (f64, f64),
    /// Seconds that a login took: the median, and the longest.
    pub(crate) login: (f64, f64),
    /// MiB of memory that the broker had at most.
    pub(crate) broker: f64,
    /// MiB of memory that the server had at most.
    pub(crate) server: f64,
}

/// A broker and a server, with people.
pub(crate) struct World {
    nats: String,
    broker: Child,
    server: Child,
    _folder: tempfile::TempDir,
}

/// A connection that is logged in.
struct Client {
    stream: BufReader<TcpStream>,
    subjects: Subjects,
}

impl World {
    pub(crate) async fn start() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("deployment");
        let taken = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
        let [nats, web, monitor] = taken.map(|listener| listener.local_addr().expect("an address").to_string());
        let program = program("KEZ_CHAT_SERVER_BIN");
        let mut init = Command::new(&program);
        init.args(["init", "--server", NAME, "--nats-listen", &nats, "--nats-ws-listen", &web]);
        let init = init.args(["--nats-http-listen", &monitor, "--out"]).arg(&out).output().await.expect("it runs");
        assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        let broker = Command::new(self::program("KEZ_NATS_SERVER_BIN"))
            .arg("-c")
            .arg(out.join("nats.conf"))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the broker starts");
        while TcpStream::connect(&nats).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut server = Command::new(&program);
        server.args(["--bind", "127.0.0.1:0", "--server", NAME, "--nats-url", &format!("nats://{nats}"), "--db"]);
        server.arg(folder.path().join("kez.db"));
        for name in ["issuer", "auth", "store", "sys"] {
            server.arg(format!("--nats-{name}-seed")).arg(out.join(format!("keys/{name}.nk")));
        }
        let mut server = server.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the server starts");
        let mut lines = BufReader::new(server.stderr.take().expect("a pipe")).lines();
        let base = loop {
            let line = lines.next_line().await.expect("a log").expect("a line");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(address) = line["address"].as_str() {
                break format!("http://{address}");
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = reqwest::Client::new();
        while !http.get(format!("{base}/v1/readyz")).send().await.is_ok_and(|answer| answer.status() == 200) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for number in 0..KNOWN + 8 {
            let handle = format!("user{number}").parse().expect("a handle");
            let body = Statement::registration(handle, NAME.parse().expect("a name"), SystemClock.now());
            let post = http.post(format!("{base}/v1/register")).header("content-type", "application/json");
            let answer = post.body(body.sign(&key(number))).send().await.expect("an answer");
            assert_eq!(answer.status(), 201);
        }
        World { nats, broker, server, _folder: folder }
    }

    /// What is noticed while a name of its own attacks in this way, or nobody does.
    pub(crate) async fn notice(&self, attack: Option<(Kind, u64)>) -> Noticed {
        let stop = Arc::new(AtomicBool::new(false));
        let attacks: Vec<_> = attack
            .into_iter()
            .flat_map(|attack| (0..SESSIONS).map(move |session| (attack, session)))
            .map(|((kind, number), session)| {
                let (nats, stop) = (self.nats.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(Ordering::Acquire) {
                        if let Some(client) = Client::login(&nats, &key(KNOWN + number)).await {
                            client.attack(kind, session, &stop).await;
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                })
            })
            .collect();
        let (mut requests, mut logins, mut broker, mut server) = (Vec::new(), Vec::new(), 0.0, 0.0);
        let mut friend = Client::login(&self.nats, &key(KNOWN + 6)).await.expect("a friend");
        let mut victim = Client::login(&self.nats, &key(KNOWN + 7)).await.expect("a victim");
        let until = Instant::now() + ATTACK;
        let mut id = rand_id();
        while Instant::now() < until {
            id += 1;
            requests.push(friend.delivers(&mut victim, &format!("{id:032x}")).await);
            let started = Instant::now();
            while Client::login(&self.nats, &key(KNOWN + 5)).await.is_none() {}
            logins.push(started.elapsed().as_secs_f64());
            broker = resident(&self.broker).max(broker);
            server = resident(&self.server).max(server);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.store(true, Ordering::Release);
        for attack in attacks {
            attack.await.expect("it ends");
        }
        Noticed { request: summary(requests), login: summary(logins), broker, server }
    }
}

impl Client {
    async fn login(nats: &str, key: &SigningKey) -> Option<Client> {
        let mut stream = BufReader::new(TcpStream::connect(nats).await.ok()?);
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let info: Value = serde_json::from_str(line.strip_prefix("INFO ")?).ok()?;
        let nonce: Nonce = info["nonce"].as_str()?.parse().ok()?;
        let Login { nkey, sig } = Login::sign(key, &NAME.parse().ok()?, &nonce);
        let connect = json!({ "verbose": false, "protocol": 1, "headers": true, "nkey": nkey, "sig": sig });
        let subjects = Subjects::of(&key.id());
        let subscribe = format!("SUB {}.> 1\r\n", subjects.reply_prefix());
        stream.write_all(format!("CONNECT {connect}\r\n{subscribe}PING\r\n").as_bytes()).await.ok()?;
        line.clear();
        while stream.read_line(&mut line).await.ok()? > 0 {
            match line.as_str() {
                "PONG\r\n" => return Some(Client { stream, subjects }),
                text if text.starts_with("-ERR") => return None,
                _ => line.clear(),
            }
        }
        None
    }

    /// Sends what the attack sends, until it is ended.
    async fn attack(mut self, kind: Kind, session: usize, stop: &AtomicBool) {
        let (own, large) = (self.subjects.clone(), "x".repeat(12_000));
        for number in 0_u64.. {
            let mut batch = String::new();
            for at in 0..16_u64 {
                let to = own.send(&key(number % KNOWN).id());
                batch.push_str(&match kind {
                    Kind::Nobody => {
                        let (prefix, _) = to.rsplit_once('.').expect("a recipient");
                        let nobody = format!("{prefix}.{session:016x}{number:024x}{at:024x}");
                        format!("PUB {nobody} {}\r\n{large}\r\n", large.len())
                    }
                    Kind::Ids => {
                        let id = format!("{session}.{number}.{at}.{}", "i".repeat(11_500));
                        let head = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
                        format!("HPUB {to} {0} {0}\r\n{head}\r\n", head.len())
                    }
                    Kind::Refused => format!("PUB {to} 1\r\nx\r\nPUB {to} 60000\r\n{}\r\n", "x".repeat(60_000)),
                    Kind::Reading => {
                        let pull = r#"{"batch":1,"no_wait":true}"#;
                        let next = own.next();
                        let receipt = next.replace("$JS.API.CONSUMER.MSG.NEXT.", "$JS.ACK.");
                        format!(
                            "PUB {next} {}.x {}\r\n{pull}\r\nPUB {receipt}.1.{number}.1.1.0 4\r\n+ACK\r\n",
                            own.reply_prefix(),
                            pull.len()
                        )
                    }
                });
            }
            if stop.load(Ordering::Acquire) || self.stream.write_all(batch.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// Seconds until the other has read a request, which is sent again when it is not taken.
    async fn delivers(&mut self, to: &mut Client, id: &str) -> f64 {
        let started = Instant::now();
        let head = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
        let to_hex = to.subjects.consumer().to_owned();
        let subject = self.subjects.send(&kez_core::KeyId::from_parts("ed25519", &to_hex).expect("a key"));
        let all = head.len() + id.len();
        let sent = format!("HPUB {subject} {}.a {} {all}\r\n{head}{id}\r\n", self.subjects.reply_prefix(), head.len());
        loop {
            self.stream.write_all(sent.as_bytes()).await.expect("the friend stays");
            let answer = tokio::time::timeout(Duration::from_secs(5), self.next()).await;
            if answer.is_ok_and(|(_, text)| text.contains("\"seq\"") && !text.contains("\"error\"")) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let pull = r#"{"batch":1,"expires":5000000000}"#;
        loop {
            let ask =
                format!("PUB {} {}.b {}\r\n{pull}\r\n", to.subjects.next(), to.subjects.reply_prefix(), pull.len());
            to.stream.write_all(ask.as_bytes()).await.expect("the victim stays");
            let (reply, text) = to.next().await;
            if let Some(reply) = reply {
                to.stream.write_all(format!("PUB {reply} 4\r\n+ACK\r\n").as_bytes()).await.expect("the victim stays");
            }
            if text.ends_with(id) {
                return started.elapsed().as_secs_f64();
            }
        }
    }

    /// The next message: its reply subject, and its text.
    async fn next(&mut self) -> (Option<String>, String) {
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).await.expect("a line") > 0, "the connection goes on");
            let words: Vec<&str> = line.split_whitespace().collect();
            let with_reply = match words.first() {
                Some(&"MSG") => 5,
                Some(&"HMSG") => 6,
                Some(&"PING") => {
                    self.stream.write_all(b"PONG\r\n").await.expect("it goes on");
                    continue;
                }
                _ => continue,
            };
            let reply = (words.len() == with_reply).then(|| words[3].to_owned());
            let length: usize = words[words.len() - 1].parse().expect("a length");
            let mut payload = vec![0; length + 2];
            self.stream.read_exact(&mut payload).await.expect("a payload");
            return (reply, String::from_utf8_lossy(&payload[..length]).into_owned());
        }
    }
}

fn rand_id() -> u128 {
    // Ids of one run only have to differ from those of the attacks before it.
    u128::from(SystemClock.now().unix().unsigned_abs()) << 64
}

fn key(number: u64) -> SigningKey {
    let mut seed = [9; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_seed(&seed)
}

fn summary(mut secs: Vec<f64>) -> (f64, f64) {
    secs.sort_by(f64::total_cmp);
    (secs[secs.len() / 2], secs[secs.len() - 1])
}

/// MiB of memory of a running program.
fn resident(child: &Child) -> f64 {
    let pid = child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration but this")]
fn program(variable: &str) -> String {
    let path = std::env::var(variable).unwrap_or_default();
    assert!(Path::new(&path).is_file(), "{variable} must name a release build; `make attack` sees to it");
    path
}
