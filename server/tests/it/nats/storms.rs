//! Many at once, while what they depend on goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kez_core::SigningKey;

use super::Nats;
use super::raw::Raw;
use crate::harness::{handle, key, name};
use crate::program::{Program, signed};

/// The longest that a client may be kept out by a server's or a broker's restart.
const LIMIT: Duration = Duration::from_secs(40);

/// The program beside the broker, on the database in `folder`.
async fn beside(nats: &Nats, folder: &std::path::Path) -> Program {
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let program = Program::start(folder, &flags).await;
    program.ready().await;
    program
}

async fn post(program: &Program, path: &str, body: Vec<u8>) -> u16 {
    let request = reqwest::Client::new().post(format!("{}{path}", program.base));
    let request = request.header("content-type", "application/json").body(body);
    request.send().await.expect("an answer").status().as_u16()
}

/// Tries until it is let in. The broker and the home server may be away meanwhile.
async fn let_in(nats: &str, key: &SigningKey) -> Raw {
    loop {
        if let Some(mut raw) = Raw::reach(nats).await
            && raw.connect(raw.proof(key, &name())).await.is_ok()
        {
            return raw;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many keys the clients have, so that none has more sessions than it may.
const USERS: usize = 10;

async fn register_users(program: &Program) {
    for seed in 1..=USERS {
        let seed = u8::try_from(seed).expect("few");
        assert_eq!(post(program, "/v1/register", signed(&format!("user{seed}"), seed)).await, 201);
    }
}

/// Clients that log in, leave and come back until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    logins: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(nats: &Nats, clients: usize) -> Load {
        let (stop, logins) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..clients).map(|client| {
            let (stop, logins, address) = (stop.clone(), logins.clone(), nats.address.clone());
            let key = key(u8::try_from(client % USERS + 1).expect("few"));
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let login = tokio::time::timeout(LIMIT, let_in(&address, &key)).await;
                    drop(login.expect("nobody is kept out for good"));
                    logins.fetch_add(1, Ordering::AcqRel);
                }
            })
        });
        Load { tasks: tasks.collect(), stop, logins }
    }

    /// Waits until so many more have logged in.
    async fn more(&self, count: usize) {
        let from = self.logins.load(Ordering::Acquire);
        let more = async {
            while self.logins.load(Ordering::Acquire) < from + count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, more).await.expect("logins go on");
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Release);
        for task in self.tasks {
            task.await.expect("nobody was kept out");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_go_on_after_the_server_is_killed_and_after_the_broker_is() {
    let mut nats = Nats::start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = beside(&nats, folder.path()).await;
    register_users(&server).await;
    let load = Load::start(&nats, 20);
    load.more(100).await;
    server.kill();
    let server = beside(&nats, folder.path()).await;
    load.more(100).await;
    nats.kill().await;
    nats.start_again().await;
    load.more(100).await;
    load.end().await;
    server.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_the_logins_and_either_may_go() {
    let nats = Nats::start(&[]).await;
    let (folder, another) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let first = beside(&nats, folder.path()).await;
    let second = beside(&nats, another.path()).await;
    register_users(&first).await;
    register_users(&second).await;
    let load = Load::start(&nats, 20);
    load.more(100).await;
    first.kill();
    load.more(200).await;
    load.end().await;
    second.ready().await;
}

/// A file has one server, so these two have a file each, and are told the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_ends_the_sessions_that_either_server_let_in() {
    let nats = Nats::start(&[]).await;
    let (folder, another) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let first = beside(&nats, folder.path()).await;
    let second = beside(&nats, another.path()).await;
    let at_both =
        async |path: &str, body: Vec<u8>| (post(&first, path, body.clone()).await, post(&second, path, body).await);
    assert_eq!(at_both("/v1/register", signed("tudisco", 1)).await, (201, 201));
    assert_eq!(at_both("/v1/register", signed("other", 2)).await, (201, 201));
    let user = key(1);
    // Enough logins that both have answered some, and know the key.
    for _ in 0..24 {
        drop(tokio::time::timeout(LIMIT, let_in(&nats.address, &user)).await.expect("it gets in"));
    }
    let mut sessions = Vec::new();
    while sessions.len() < 4 {
        sessions.push(tokio::time::timeout(LIMIT, let_in(&nats.address, &user)).await.expect("it gets in"));
    }
    let mut stays = Raw::login(&nats, &key(2)).await;
    let release = kez_core::registration::Statement::release(handle("tudisco"), name(), now());
    assert_eq!(at_both("/v1/release", release.sign(&key(1))).await, (200, 200));
    let ended = join_all(sessions.iter_mut().map(|session| session.ended_within(Duration::from_secs(5)))).await;
    assert!(ended.iter().all(|is_ended| *is_ended), "{ended:?}");
    let refused = join_all((0..24).map(|_| Raw::try_login(&nats, &user))).await;
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    assert_eq!(stays.settle().await, [], "another's session goes on");
    first.kill();
    assert_eq!(Raw::try_login(&nats, &key(1)).await, Err("Authorization Violation".to_owned()));
    second.ready().await;
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Ok(()));
}

fn now() -> kez_core::Timestamp {
    use kez_chat_server::clock::Clock as _;
    kez_chat_server::clock::SystemClock.now()
}

/// How many come back at once, and how many keys they have: each has as many sessions as it may.
const STORM: usize = 2_000;
const KEYS: u16 = 500;

/// The key of one of them.
fn member(number: u16) -> SigningKey {
    let mut seed = [0xa5; 32];
    seed[..2].copy_from_slice(&number.to_le_bytes());
    SigningKey::from_seed(&seed)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_who_come_back_at_once_all_get_in() {
    let keys = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::User, [77; 32]).expect("a key");
    let fixed = keys.public_key();
    let mut nats = Nats::start_edited(&[], |conf| {
        let conf = conf.replace("  USERS {\n", &format!("  USERS {{\n    users: [ {{ nkey: {fixed} }} ]\n"));
        conf.replace("auth_users: [ ", &format!("auth_users: [ {fixed}, "))
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = beside(&nats, folder.path()).await;
    for number in 1..=KEYS {
        let registration =
            kez_core::registration::Statement::registration(handle(&format!("user{number}")), name(), now());
        assert_eq!(post(&server, "/v1/register", registration.sign(&member(number))).await, 201);
    }
    let (address, refused) = (nats.address.clone(), AtomicUsize::new(0));
    let storm = async |is_fixed: bool| {
        let started = Instant::now();
        let all = (1..=KEYS).cycle().take(STORM).map(async |number| {
            loop {
                let Some(mut raw) = Raw::reach(&address).await else { continue };
                let proof = if is_fixed { raw.stock_proof(&keys) } else { raw.proof(&member(number), &name()) };
                if raw.connect(proof).await.is_ok() {
                    return raw;
                }
                refused.fetch_add(1, Ordering::AcqRel);
            }
        });
        let sessions = tokio::time::timeout(Duration::from_secs(120), join_all(all)).await.expect("all get in");
        assert_eq!(sessions.len(), STORM);
        (started.elapsed(), sessions)
    };
    let mut took = vec![storm(true).await.0];
    let (first, mut sessions) = storm(false).await;
    took.push(first);
    nats.kill().await;
    nats.start_again().await;
    for session in &mut sessions {
        assert!(session.ended_within(Duration::from_secs(5)).await, "the broker was gone");
    }
    took.push(storm(false).await.0);
    println!(
        "{STORM} logins at once: {:?} with a key that the broker knows, {:?} through the callout, {:?} after the \
         broker's restart; {} tried again",
        took[0],
        took[1],
        took[2],
        refused.load(Ordering::Acquire)
    );
    server.ready().await;
}
