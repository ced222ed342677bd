//! How much of a chain is taken.

use kez_core::sigchain::{self, Body, Claim};
use kez_sig_server::limits::Limits;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::harness::{NAME, OPEN, Server, key};
use crate::owner::Owner;

const BYTES: u64 = 20_000;
const RESERVE: u64 = 8_000;

/// Little room.
fn small() -> Limits {
    Limits { chain: sigchain::Limits { bytes: BYTES, reserve: RESERVE, ..Default::default() }, ..Limits::default() }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A claim whose event has some 2,500 bytes.
fn large(n: usize) -> Body {
    Body::ClaimAdd { claim: Claim { r#type: "x".into(), subject: n.to_string(), proof: "x".repeat(1_800) } }
}

/// Adds claims by the identity's key, large ones and then small ones, until no more is taken; gives how many were.
async fn fill(server: &Server, owner: &mut Owner) -> usize {
    let mut taken = 0;
    for size in [large(1), crate::owner::claim("a.example")] {
        loop {
            let event = owner.sign(&owner.chain.next(), &size, &owner.identity);
            let answer = owner.post(server, event).await;
            if answer.status != 201 {
                answer.is(400, "invalid_event", "limit-reached");
                break;
            }
            taken += 1;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_the_servers_and_never_lock_the_owner_out() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    for n in 0..64 {
        let event = owner.claim(&format!("{n}.example"), &key(1));
        owner.post(&server, event).await.ok(201);
    }
    let event = owner.claim("64.example", &key(1));
    owner.post(&server, event).await.is(400, "invalid_event", "limit-reached");
    let id = owner.chain.id_at(2).expect("a claim");
    let event = owner.sign(&owner.chain.next(), &Body::ClaimRemove { claim: id }, &owner.identity);
    owner.post(&server, event).await.ok(201);
    let event = owner.claim("64.example", &key(1));
    owner.post(&server, event).await.ok(201);
    let event = owner.rotation(&owner.chain.next(), &key(4), &[&owner.recovery], &owner.recovery);
    owner.post(&server, event).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_signs_100_events_in_24_hours() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let mut signed = 1;
    let refused = loop {
        let body = match owner.chain.state().and_then(|state| state.claims.keys().next().copied()) {
            Some(claim) => Body::ClaimRemove { claim },
            None => crate::owner::claim("a.example"),
        };
        let event = owner.sign(&owner.chain.next(), &body, &owner.identity);
        let answer = owner.post(&server, event.clone()).await;
        if answer.status != 201 {
            answer.is(400, "invalid_event", "limit-reached");
            break event;
        }
        signed += 1;
    };
    assert_eq!(signed, 100, "the genesis counts too");
    // Neither a restart nor another day's beginning makes room; 24 hours do, and a recovery needs none.
    let folder = server.stop().await;
    let server = Server::start_in(folder, &OPEN).await;
    server.clock.advance(86_399);
    server.post(&owner.path("/events"), refused.clone()).await.is(400, "invalid_event", "limit-reached");
    let place = owner.chain.after(90).expect("an event");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery, &owner.identity], &owner.recovery);
    owner.post(&server, fork).await.ok(201);
    server.clock.advance(1);
    let event = owner.claim("b.example", &key(1));
    owner.post(&server, event).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_has_so_many_bytes_and_the_rest_is_the_owners() {
    let server = Server::start_limited(folder(), &OPEN, small()).await;
    let mut owner = Owner::start(&server, 1).await;
    let filled = fill(&server, &mut owner).await;
    assert!(filled >= 3, "{filled}");
    // The thief changes the list of keys, and deactivates: neither is taken any more.
    let stolen = owner.rotation(&owner.chain.next(), &key(9), &[], &key(1));
    owner.post(&server, stolen).await.is(400, "invalid_event", "limit-reached");
    let body = Body::Deactivate { reason: Some("x".repeat(200)) };
    let event = owner.sign(&owner.chain.next(), &body, &key(1));
    owner.post(&server, event).await.is(400, "invalid_event", "limit-reached");
    // The owner recovers, and goes on with the recovery key; the new primary has no part of the reserve.
    let place = owner.chain.after(2).expect("a claim");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery], &owner.recovery);
    owner.post(&server, fork).await.ok(201);
    let event = owner.claim("a.example", &key(4));
    owner.post(&server, event).await.is(400, "invalid_event", "limit-reached");
    let event = owner.claim("a.example", &key(2));
    owner.post(&server, event).await.ok(201);
    // After a restart it is the same.
    let folder = server.stop().await;
    let server = Server::start_limited(folder, &OPEN, small()).await;
    let event = owner.claim("b.example", &key(4));
    owner.post(&server, event).await.is(400, "invalid_event", "limit-reached");
    let event = owner.claim("b.example", &key(2));
    owner.post(&server, event).await.ok(201);
    let info = server.get("/v1/server").await.ok(200)["limits"].clone();
    assert_eq!((&info["chain_bytes"], &info["reserved_bytes"]), (&json!(BYTES), &json!(RESERVE)));
    assert_eq!((&info["entries_per_key_and_day"], &info["reason_characters"]), (&json!(100), &json!(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_are_short() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let deactivate = |owner: &Owner, n| {
        let body = Body::Deactivate { reason: Some("é".repeat(n)) };
        owner.sign(&owner.chain.next(), &body, &owner.identity)
    };
    let event = deactivate(&owner, 201);
    owner.post(&server, event).await.is(400, "invalid_event", "limit-reached");
    let event = deactivate(&owner, 200);
    owner.post(&server, event).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_says_something() {
    let server = Server::start().await;
    let owner = Owner::start(&server, 1).await;
    for (r#type, subject, proof) in [("", "a.example", "p"), ("dns", "", "p"), ("dns", "a.example", "")] {
        let claim = Claim { r#type: r#type.into(), subject: subject.into(), proof: proof.into() };
        let event = owner.sign(&owner.chain.next(), &Body::ClaimAdd { claim }, &owner.identity);
        server.post(&owner.path("/events"), event).await.is(400, "invalid_event", "bad-envelope");
    }
}

/// A log of a chain that lives here, longer than what is taken.
async fn overlong(flags: &[&str]) -> (Owner, Value) {
    let wide = Limits { chain: sigchain::Limits { bytes: u64::MAX, ..Default::default() }, ..Limits::default() };
    let from = Server::start_limited(folder(), flags, wide).await;
    let mut owner = Owner::start(&from, 1).await;
    for n in 0..10 {
        let event = owner.sign(&owner.chain.next(), &large(n), &owner.identity);
        owner.post(&from, event).await.ok(201);
    }
    let audit = from.get(&owner.path("/audit")).await.ok(200);
    (owner, audit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_two_pieces_is_no_larger_than_in_one() {
    let (owner, audit) = overlong(&OPEN).await;
    let to = Server::start_limited(folder(), &OPEN, small()).await;
    let piece = |length: usize| {
        let mut piece = audit.clone();
        piece["entries"].as_array_mut().expect("a list").truncate(length);
        piece
    };
    let answer = to.put(&owner.path(""), audit.to_string()).await;
    answer.is(400, "invalid_event", "limit-reached");
    let index = answer.json()["index"].as_u64().expect("a number");
    to.get(&owner.path("/head")).await.is(404, "not_found", "");
    // Two pieces, and one event after the other.
    let fits = usize::try_from(index).expect("it is small");
    to.put(&owner.path(""), piece(fits).to_string()).await.ok(201);
    let answer = to.put(&owner.path(""), audit.to_string()).await;
    answer.is(400, "invalid_event", "limit-reached");
    assert_eq!(answer.json()["index"], index);
    let answer = to.post(&owner.path("/events"), audit["entries"][fits]["event"].to_string()).await;
    answer.is(400, "invalid_event", "limit-reached");
    assert_eq!(to.get(&owner.path("")).await.ok(200)["count"], index);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_taken_over_has_no_limit_of_time() {
    let from = Server::start_limited(
        folder(),
        &OPEN,
        Limits { chain: sigchain::Limits { a_day: 1_000, ..Default::default() }, ..Limits::default() },
    )
    .await;
    let mut owner = Owner::start(&from, 1).await;
    for _ in 0..110 {
        let body = match owner.chain.state().and_then(|state| state.claims.keys().next().copied()) {
            Some(claim) => Body::ClaimRemove { claim },
            None => crate::owner::claim("a.example"),
        };
        let event = owner.sign(&owner.chain.next(), &body, &owner.identity);
        owner.post(&from, event).await.ok(201);
    }
    let audit = from.get(&owner.path("/audit")).await.bytes;
    let to = Server::start().await;
    assert_eq!(to.put(&owner.path(""), audit).await.ok(201)["stored"], 111);
    let event = owner.claim("b.example", &key(1));
    owner.post(&to, event).await.ok(201);
}

/// What the last release left: the tables of its one step, and chains of any size.
async fn as_the_last_release_left_it(folder: &TempDir) {
    let options = SqliteConnectOptions::new().filename(folder.path().join("sig.db"));
    let mut db = options.connect().await.expect("a connection");
    for sql in ["DROP TABLE limited_since", "DROP TABLE checkpoints", "DELETE FROM _sqlx_migrations WHERE version > 1"]
    {
        sqlx::raw_sql(sql).execute(&mut db).await.expect("SQL");
    }
    db.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_was_larger_when_limits_came_has_the_reserve_beyond_its_size() {
    let wide = Limits { chain: sigchain::Limits { bytes: u64::MAX, ..Default::default() }, ..Limits::default() };
    let server = Server::start_limited(folder(), &OPEN, wide).await;
    let (mut large_one, mut small_one) = (Owner::start(&server, 1).await, Owner::start(&server, 11).await);
    for n in 0..12 {
        let event = large_one.sign(&large_one.chain.next(), &large(n), &large_one.identity);
        large_one.post(&server, event).await.ok(201);
    }
    let size = large_one.chain.bytes();
    assert!(size > BYTES + RESERVE, "{size}");
    let folder = server.stop().await;
    as_the_last_release_left_it(&folder).await;

    // Also when the program was started before, and another chain grew meanwhile.
    let mut folder = folder;
    for _ in 0..2 {
        let server = Server::start_limited(folder, &OPEN, small()).await;
        let event = large_one.claim("a.example", &key(1));
        server.post(&large_one.path("/events"), event).await.is(400, "invalid_event", "limit-reached");
        let event = large_one.claim("a.example", &key(2));
        large_one.post(&server, event).await.ok(201);
        assert_eq!(server.get(&large_one.path("/audit")).await.status, 200, "what there is stays");
        let event = small_one.claim("a.example", &key(11));
        small_one.post(&server, event).await.ok(201);
        folder = server.stop().await;
    }
    let server = Server::start_limited(folder, &OPEN, small()).await;
    loop {
        let event = large_one.sign(&large_one.chain.next(), &large(1), &key(2));
        if large_one.post(&server, event).await.status != 201 {
            break;
        }
    }
    let now = large_one.chain.bytes();
    assert!(now <= size + RESERVE && now > size + RESERVE - 3_000, "{now} of {size} and {RESERVE}");
    fill(&server, &mut small_one).await;
    assert!(small_one.chain.bytes() <= BYTES - RESERVE);
    assert_eq!(server.get("/v1/server").await.ok(200)["server"], NAME);
}
