//! One name sends as fast as the broker takes it, from as many sessions as it gets, and comes back whenever it is ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kez_core::SigningKey;
use kez_core::subject::Subjects;
use serde_json::json;

use super::budgets;
use crate::harness::{key, name};
use crate::nats::member::Member;
use crate::nats::raw::Raw;
use crate::nats::state::Store;
use crate::nats::with_user;

/// How long the attack goes on.
const ATTACK: Duration = Duration::from_secs(20);
/// How long a client that tries again goes on trying, as ours do.
const PATIENCE: Duration = Duration::from_secs(15);
/// By when somebody who sent too much has lost the right to.
const LOST: Duration = Duration::from_secs(5);
/// Real recipients that the attacker writes to.
const KNOWN: u8 = 20;

/// The attack: its sessions, until it is told to stop.
struct Flood {
    stop: Arc<AtomicBool>,
    /// How often a session was ended.
    ended: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Flood {
    fn start(nats: &str, attacker: &SigningKey) -> Flood {
        let (stop, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..4).map(|session| {
            let (stop, ended, nats) = (stop.clone(), ended.clone(), nats.to_owned());
            let attacker = SigningKey::from_seed(&attacker.seed());
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let Some(mut raw) = Raw::reach(&nats).await else { continue };
                    if raw.connect(raw.proof(&attacker, &name())).await.is_ok() {
                        flood(&mut raw, &attacker, session, &stop).await;
                        ended.fetch_add(1, Ordering::AcqRel);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        });
        Flood { tasks: tasks.collect(), stop, ended }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Release);
        for task in self.tasks {
            task.await.expect("it goes on to the end");
        }
    }
}

/// Sends until the session ends: large messages to made-up and to real recipients, and small ones with huge ids.
async fn flood(raw: &mut Raw, attacker: &SigningKey, session: usize, stop: &AtomicBool) {
    let own = Subjects::of(&attacker.id());
    let large = "x".repeat(12_000);
    for number in 0_u64.. {
        let mut batch = String::new();
        for at in 0..8 {
            let made_up = format!("kez.send.{}.{session:016x}{number:024x}{at:024x}", attacker.id().hex());
            batch.push_str(&format!("PUB {made_up} {}\r\n{large}\r\n", large.len()));
            let known = own.send(&key(20 + u8::try_from(number % u64::from(KNOWN)).expect("small")).id());
            batch.push_str(&format!("PUB {known} {}\r\n{large}\r\n", large.len()));
        }
        let head = format!("NATS/1.0\r\nNats-Msg-Id: {session}.{number}.{}\r\n\r\n", "i".repeat(60_000));
        let to = own.send(&key(20).id());
        batch.push_str(&format!("HPUB {to} {} {}\r\n{head}\r\n", head.len(), head.len()));
        if stop.load(Ordering::Acquire) || !raw.try_send(batch.as_bytes()).await {
            return;
        }
    }
}

/// Sends as our clients do: again with the same id, when it was not taken or nobody answers.
async fn delivers(from: &mut Member, to: &mut Member, id: &str) -> Duration {
    let started = Instant::now();
    let sent = async {
        loop {
            let (subject, reply) = (from.subjects.send(&to.id), from.reply());
            from.raw.publish_with(&subject, &reply, &[("Nats-Msg-Id", id)], id).await;
            let answer = tokio::time::timeout(Duration::from_secs(5), from.raw.next()).await;
            if let Ok(crate::nats::raw::Sent::Message { payload, .. }) = answer
                && serde_json::from_slice::<serde_json::Value>(&payload).expect("JSON")["error"] == json!(null)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::time::timeout(PATIENCE, sent).await.expect("a friend's request is taken");
    let read = async {
        loop {
            for message in to.pull(8).await {
                to.raw.publish(&message.ack, "", "+ACK").await;
                if message.payload == id {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("a friend's request is delivered");
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friends_request_gets_through_while_one_name_floods_the_broker() {
    let (nats, server, friend) = with_user().await;
    let (attacker, victim) = (key(2), key(3));
    server.register("attacker", &attacker).await;
    server.register("victim", &victim).await;
    for seed in 20..20 + KNOWN {
        server.register(&format!("known{seed}"), &key(seed)).await;
    }
    let store = Store::open(&nats).await;
    let (mut friend, mut victim) = (Member::login(&nats, &friend).await, Member::login(&nats, &victim).await);
    let idle = delivers(&mut friend, &mut victim, "0123456789abcdef0123456789abcdef").await;

    let started = Instant::now();
    let attack = Flood::start(&nats.address, &attacker);
    let lost = async {
        while attack.ended.load(Ordering::Acquire) < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LOST, lost).await.expect("its sessions end");
    let lost = started.elapsed();
    let mut took = Vec::new();
    while started.elapsed() < ATTACK {
        took.push(delivers(&mut friend, &mut victim, &format!("{:032x}", took.len())).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("ended after {lost:?}; a friend's request took {idle:?} before, and during the attack {took:?}");
    // Whoever was not heard at once was heard in the end, and most were at once.
    took.sort();
    assert!(took[took.len() / 2] < Duration::from_secs(3), "{took:?}");
    // It comes back, and may not send.
    attack.end().await;
    drop(budgets::session(&nats, &attacker, false).await);
    let tidy = async {
        loop {
            let left = store.messages().await;
            let known = |subject: &str| (20..20 + KNOWN).any(|seed| subject.contains(&key(seed).id().hex()));
            if left.iter().all(|(_, subject, _)| known(subject)) {
                break left.len();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let left = tokio::time::timeout(Duration::from_secs(60), tidy).await.expect("what waits for nobody goes");
    assert!(left <= 16 * usize::from(KNOWN), "{left}");
    server.wait_until_ready().await;
}
