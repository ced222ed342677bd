//! Many at once, while what they depend on goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kez_core::SigningKey;

use super::raw::Raw;
use super::{Nats, on_both};
use crate::harness::{handle, key, name};
use crate::program::{Program, signed};

/// The longest that a client may be kept out by a server's or a broker's restart.
const LIMIT: Duration = Duration::from_secs(40);

/// The program beside the broker, on the database in `folder`.
async fn beside(nats: &Nats, folder: &std::path::Path) -> Program {
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let program = Program::start(folder, &flags).await;
    ready(&program).await;
    program
}

async fn ready(program: &Program) {
    let ready = async {
        while !reqwest::get(format!("{}/v1/readyz", program.base)).await.is_ok_and(|answer| answer.status() == 200) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ready).await.expect("the program gets ready");
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

/// Clients that log in, leave and come back until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    logins: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(nats: &Nats, clients: usize) -> Load {
        let (stop, logins) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..clients).map(|_| {
            let (stop, logins, address) = (stop.clone(), logins.clone(), nats.address.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let login = tokio::time::timeout(LIMIT, let_in(&address, &key(1))).await;
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
    on_both(async |program| {
        let mut nats = Nats::start(&program, &[]).await;
        let folder = tempfile::tempdir().expect("a folder");
        let server = beside(&nats, folder.path()).await;
        assert_eq!(post(&server, "/v1/register", signed("tudisco", 1)).await, 201);
        let load = Load::start(&nats, 20);
        load.more(100).await;
        server.kill();
        let server = beside(&nats, folder.path()).await;
        load.more(100).await;
        nats.kill().await;
        nats.start_again().await;
        load.more(100).await;
        load.end().await;
        ready(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_the_logins_and_either_may_go() {
    on_both(async |program| {
        let nats = Nats::start(&program, &[]).await;
        let folder = tempfile::tempdir().expect("a folder");
        let first = beside(&nats, folder.path()).await;
        let second = beside(&nats, folder.path()).await;
        assert_eq!(post(&first, "/v1/register", signed("tudisco", 1)).await, 201);
        let load = Load::start(&nats, 20);
        load.more(100).await;
        first.kill();
        load.more(200).await;
        load.end().await;
        ready(&second).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_at_one_server_holds_at_the_other() {
    on_both(async |program| {
        let nats = Nats::start(&program, &[]).await;
        let folder = tempfile::tempdir().expect("a folder");
        let first = beside(&nats, folder.path()).await;
        let second = beside(&nats, folder.path()).await;
        assert_eq!(post(&first, "/v1/register", signed("tudisco", 1)).await, 201);
        assert_eq!(post(&first, "/v1/register", signed("other", 2)).await, 201);
        let user = key(1);
        // Enough logins that both have answered some, and know the key.
        let mut sessions = join_all((0..24).map(|_| Raw::login(&nats, &user))).await;
        let mut stays = Raw::login(&nats, &key(2)).await;
        let release = kez_core::registration::Statement::release(handle("tudisco"), name(), now());
        assert_eq!(post(&first, "/v1/release", release.sign(&key(1))).await, 200);
        let ended = join_all(sessions.iter_mut().map(|session| session.ended_within(Duration::from_secs(5)))).await;
        assert!(ended.iter().all(|is_ended| *is_ended), "{ended:?}");
        let refused = join_all((0..24).map(|_| Raw::try_login(&nats, &user))).await;
        assert!(refused.iter().all(Result::is_err), "{refused:?}");
        assert_eq!(stays.settle().await, [], "another's session goes on");
        // The one that did not take the release, alone.
        first.kill();
        assert_eq!(Raw::try_login(&nats, &key(1)).await, Err("Authorization Violation".to_owned()));
        ready(&second).await;
        assert_eq!(Raw::try_login(&nats, &key(2)).await, Ok(()));
    })
    .await;
}

fn now() -> kez_core::Timestamp {
    use kez_chat_server::clock::Clock as _;
    kez_chat_server::clock::SystemClock.now()
}

/// How many come back at once, and how many keys they have.
const STORM: usize = 2_000;
const KEYS: u8 = 32;

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_who_come_back_at_once_all_get_in() {
    on_both(async |program| {
        let keys = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::User, [77; 32]).expect("a key");
        let fixed = keys.public_key();
        let mut nats = Nats::start_edited(&program, &[], |conf| {
            let conf = conf.replace("  USERS {\n", &format!("  USERS {{\n    users: [ {{ nkey: {fixed} }} ]\n"));
            conf.replace("auth_users: [ ", &format!("auth_users: [ {fixed}, "))
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let server = beside(&nats, folder.path()).await;
        for seed in 1..=KEYS {
            assert_eq!(post(&server, "/v1/register", signed(&format!("user{seed}"), seed)).await, 201);
        }
        let (address, refused) = (nats.address.clone(), AtomicUsize::new(0));
        let storm = async |is_fixed: bool| {
            let started = Instant::now();
            let all = (1..=KEYS).cycle().take(STORM).map(async |seed| {
                loop {
                    let Some(mut raw) = Raw::reach(&address).await else { continue };
                    let proof = if is_fixed { raw.stock_proof(&keys) } else { raw.proof(&key(seed), &name()) };
                    if raw.connect(proof).await.is_ok() {
                        return raw;
                    }
                    refused.fetch_add(1, Ordering::AcqRel);
                }
            });
            let sessions = tokio::time::timeout(Duration::from_secs(60), join_all(all)).await.expect("all get in");
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
        ready(&server).await;
    })
    .await;
}
