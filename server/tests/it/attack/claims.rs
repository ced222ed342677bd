//! Names with many claims at hosts that answer slowly, or never: others' claims are looked at in their turn, and what was
//! proven once is not proven for ever because nobody gets to look again.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kez_chat_server::claims::Outside;
use kez_chat_server::claims::dns::{Dns, Unresolved};
use kez_chat_server::clock::Clock as _;
use kez_core::claim::{Kind, proof_text};
use kez_core::sigchain::Unverified;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::chains::owner::Owner;
use crate::claims::world::{Internet, ok};
use crate::harness::{Server, key};

/// Greedy names, and the claims of each: as many as a chain takes.
const GREEDY: u8 = 8;
const CLAIMS: usize = 64;
/// Checks that run at one time.
const AT_ONCE: usize = 8;

/// A name server that answers one question for each permit, and proves what the honest identity claims.
struct Slow {
    asked: Mutex<Vec<String>>,
    permits: Semaphore,
}

#[async_trait]
impl Dns for Slow {
    async fn addresses(&self, _: &str) -> Result<Vec<IpAddr>, Unresolved> {
        Err(Unresolved)
    }

    async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Unresolved> {
        self.asked.lock().expect("no panic").push(name.to_owned());
        self.permits.acquire().await.expect("it stays open").forget();
        let honest = name.ends_with("honest.example").then(|| proof_text(Kind::Dns, &key(HONEST).id()).into_bytes());
        Ok(honest.into_iter().collect())
    }
}

impl Slow {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Waits until so many questions came.
    async fn until_asked(&self, questions: usize) {
        let asked = async {
            while self.asked().len() < questions {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("the next check begins");
    }
}

/// Seed of the honest identity's key; others are below.
const HONEST: u8 = 100;

async fn slow_world(flags: &[&str]) -> (Arc<Slow>, Server) {
    let slow = Arc::new(Slow { asked: Mutex::default(), permits: Semaphore::new(0) });
    let internet = Internet::start(|_, _| ok("")).await;
    let outside = Outside { dns: slow.clone(), patience: Duration::from_secs(600), ..internet.outside() };
    (slow, Server::start_outside(outside, flags).await)
}

/// A handle whose chain has so many claims, brought as from another server.
async fn identity(server: &Server, handle: &str, seed: u8, claims: usize) {
    let mut owner = Owner::new(seed);
    server.register(handle, &owner.identity).await;
    let mut events = vec![owner.genesis()];
    for number in 0..=claims {
        let event = Unverified::parse(&events[number]).expect("an event");
        owner.chain.append(event, server.clock.now()).expect("it is permitted");
        if number < claims {
            events.push(owner.claim("dns", &format!("n{number}.{handle}.example"), "elsewhere"));
        }
    }
    let entry = |event: &Vec<u8>| {
        let event: Value = serde_json::from_slice(event).expect("JSON");
        json!({ "event": event, "received_at": server.clock.now().to_string() })
    };
    let log = json!({ "chain": owner.chain.id(), "entries": events.iter().map(entry).collect::<Vec<_>>() });
    let json = [("content-type", "application/json")];
    server.send(Method::PUT, &owner.path(""), &json, log.to_string().into_bytes()).await.was(201);
}

/// The state of the handle's first claim, as somebody at this address is told.
async fn state(server: &Server, handle: &str, from: &str) -> String {
    let path = format!("/v1/u/{handle}/claims");
    let answer = server.send(Method::GET, &path, &[("x-forwarded-for", from)], Vec::new()).await;
    answer.was(200);
    let claims = answer.json()["claims"].clone();
    claims[0]["state"].as_str().expect("a state").to_owned()
}

/// After how many answers of the name server the handle's claim is asked for.
async fn turns_until(slow: &Slow, handle: &str) -> usize {
    let is_theirs = |name: &String| name.contains(handle);
    for answered in 0..=512 {
        if slow.asked().iter().any(is_theirs) {
            return answered;
        }
        let before = slow.asked().len();
        slow.permits.add_permits(1);
        slow.until_asked(before + 1).await;
    }
    panic!("nobody ever looks at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_names_with_many_slow_claims_starve_nobody() {
    let (slow, server) = slow_world(&["--trusted-proxies", "127.0.0.0/8", "--writes-per-minute", "10000"]).await;
    for seed in 0..GREEDY {
        identity(&server, &format!("greedy{seed}"), 2 * seed + 1, CLAIMS).await;
    }
    identity(&server, "honest", HONEST, 1).await;
    identity(&server, "neighbour", HONEST + 2, 1).await;
    for seed in 0..GREEDY {
        state(&server, &format!("greedy{seed}"), "192.0.2.1").await;
    }
    slow.until_asked(AT_ONCE).await;
    // Asked for from elsewhere, it is next; from the same network, in the turn of one identity among nine. That the greedy
    // ones' friends ask for it first, and for more of their own, makes it no later.
    for (handle, visitor, most) in [("honest", "198.51.100.1", 2), ("neighbour", "192.0.2.9", usize::from(GREEDY) + 1)]
    {
        state(&server, handle, "192.0.2.1").await;
        state(&server, "greedy0", "192.0.2.1").await;
        assert_eq!(state(&server, handle, visitor).await, "unchecked", "nobody waits");
        let turns = turns_until(&slow, handle).await;
        assert!(turns <= most, "asked for from {visitor}, it was looked at after {turns} others");
    }
    // The server is stopped while checks wait: it ends.
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_proven_for_ever() {
    let (slow, server) = slow_world(&[]).await;
    identity(&server, "honest", HONEST, 1).await;
    state(&server, "honest", "").await;
    slow.until_asked(1).await;
    slow.permits.add_permits(1);
    let proven = async {
        while state(&server, "honest", "").await != "proven" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), proven).await.expect("it is proven");
    // From now on no check ends.
    server.clock.advance(24 * 60 * 60 - 1);
    assert_eq!(state(&server, "honest", "").await, "proven", "with the time at which it was");
    server.clock.advance(1);
    assert_eq!(state(&server, "honest", "").await, "unchecked");
}
