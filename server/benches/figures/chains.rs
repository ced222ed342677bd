//! Sigchains inside the server: durable appends against the registry's raw insert loop, and heads against axum serving
//! the same bytes.

use std::time::Duration;

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::sigchain::{Body, Claim, Place};
use kez_core::{Hash, KeyId};

use crate::load::{self, Connection};
use crate::target::{self, NAME};
use crate::writes::one_a_commit;
use crate::{ROUNDS, report};

/// Chains that are appended to at once, each on a connection of its own; others in each round, since a key signs no more than
/// 100 events a day.
const CHAINS: usize = 64;
/// Events that each gets; half of them take back what the other half claims.
const EVENTS: usize = 32;
/// Keys of benchmarks are numbers; these are nobody else's.
const FIRST_KEY: u64 = 1_000_000;

/// An owner who knows where the next event goes.
struct Owner {
    number: u64,
    chain: KeyId,
    next: Place,
}

impl Owner {
    /// Registers, and begins a chain.
    async fn start(connection: &mut Connection, number: u64) -> Owner {
        let chain = target::key(number).id();
        assert_eq!(connection.ask(&target::registration(&format!("c{number}"), number)).await.0, 201);
        let mut owner = Owner { number, chain, next: Place::genesis(chain) };
        let recovery = target::key(number + FIRST_KEY).id();
        let server = NAME.parse().expect("a name");
        let (genesis, _) = owner.event(&Body::Genesis { primary: chain, rotation_keys: vec![recovery, chain], server });
        assert_eq!(connection.ask(&genesis).await.0, 201);
        owner
    }

    /// The request that adds the next event, and the event's id.
    fn event(&mut self, body: &Body) -> (Vec<u8>, Hash) {
        let event = self.next.sign(body, SystemClock.now(), &target::key(self.number));
        let id = Hash::of(&event);
        self.next = Place { chain: self.chain, seq: self.next.seq + 1, prev: Some(id) };
        let head = format!(
            "POST /v1/sigchains/ed25519/{}/events HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.chain.hex(),
            event.len()
        );
        ([head.into_bytes(), event].concat(), id)
    }
}

fn claim() -> Body {
    let text = |text: &str| text.to_owned();
    let claim = Claim { r#type: text("dns"), subject: text("a.example"), proof: text("dns:_kez.a.example") };
    Body::ClaimAdd { claim }
}

pub(crate) async fn appends() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours(folder.path()).await;
    let mut connection = Connection::open(&ours.address).await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut owners = Vec::new();
        for number in 0..CHAINS {
            owners.push(Owner::start(&mut connection, FIRST_KEY + (round * CHAINS + number) as u64).await);
        }
        let mut requests = vec![Vec::new(); CHAINS * EVENTS];
        for (i, owner) in owners.iter_mut().enumerate() {
            for pair in 0..EVENTS / 2 {
                let (added, id) = owner.event(&claim());
                let (removed, _) = owner.event(&Body::ClaimRemove { claim: id });
                requests[2 * pair * CHAINS + i] = added;
                requests[(2 * pair + 1) * CHAINS + i] = removed;
            }
        }
        let measured = load::each(&ours.address, requests, CHAINS, 201).await;
        rounds.push((measured, one_a_commit(&folder.path().join(format!("limit{round}.db"))).await));
    }
    report("durable sigchain appends, 64 chains", "events/s", &rounds);
}

pub(crate) async fn heads() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours(folder.path()).await;
    let mut connection = Connection::open(&ours.address).await;
    let owner = Owner::start(&mut connection, FIRST_KEY).await;
    let path = format!("/v1/sigchains/ed25519/{}/head", owner.chain.hex());
    let request = get(&path);
    // Where the limit program serves what it was given.
    let bare = get("/v1/u/head");
    let (status, body) = connection.ask(request).await;
    assert_eq!(status, 200);
    let limit = target::bare_axum(folder.path(), &body, "application/json").await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let time = Duration::from_millis(1_500);
        let measured = load::same(&ours.address, request, 32, time).await;
        rounds.push((measured, load::same(&limit.address, bare, 32, time).await));
    }
    report("GET …/head of a sigchain", "answers/s", &rounds);
}

fn get(path: &str) -> &'static [u8] {
    Box::leak(format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\n\r\n").into_bytes().into_boxed_slice())
}
