//! A log of keys as large as somebody can make it: by whole logs, by single events, by ending and recovering in turn.

use kez_chat_server::limits::Limits;
use kez_core::canonical::{Json, Object, parse};
use kez_core::sigchain::{Body, Chain, Claim, Place, Possession, Role, Unverified};
use kez_core::{SigningKey, Timestamp};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::chains::owner::{Owner, sign};
use crate::harness::{Server, key};

/// What everybody's events may fill.
const COMMON: i64 = 1_048_576 - 65_536;

/// Bytes of all events in the database.
async fn stored(server: &Server) -> i64 {
    let mut db = SqliteConnectOptions::new().filename(server.db()).connect().await.expect("a connection");
    let bytes = sqlx::query_scalar("SELECT coalesce(sum(length(event)), 0) FROM entries").fetch_one(&mut db).await;
    db.close().await.expect("it closes");
    bytes.expect("a row")
}

/// Notes and claims, each nearly as large as an event may be, as many of both as a chain takes.
fn largest(owner: &Owner) -> Vec<Vec<u8>> {
    let mut chain = Chain::new(owner.chain.id());
    let mut events = vec![owner.genesis()];
    let note = || Body::Unlisted {
        name: "note".into(),
        critical: Some(false),
        body: Object::from([("text".to_owned(), Json::String("x".repeat(7_500)))]),
    };
    let claim = || Body::ClaimAdd {
        claim: Claim { r#type: "x".into(), subject: "x".into(), proof: "🦊".repeat(1_875) },
    };
    for at in 0..=128 {
        if at > 0 {
            let body = if at % 2 == 0 { note() } else { claim() };
            events.push(sign(&chain.next(), &body, &owner.identity));
        }
        let event = Unverified::parse(&events[at]).expect("an event");
        chain.append(event, Timestamp::from_unix(0)).expect("it fits");
    }
    events
}

fn log(owner: &Owner, events: &[Vec<u8>]) -> String {
    let entry = |event: &Vec<u8>| {
        let event: Value = serde_json::from_slice(event).expect("JSON");
        json!({ "event": event, "received_at": "2026-05-25T03:00:00Z" })
    };
    json!({ "chain": owner.chain.id(), "entries": events.iter().map(entry).collect::<Vec<_>>() }).to_string()
}

async fn put(server: &Server, owner: &Owner, log: &str) -> crate::harness::Answer {
    let headers = [("content-type", "application/json")];
    server.send(reqwest::Method::PUT, &owner.path(""), &headers, log.as_bytes().to_vec()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_requests_makes_a_chain_larger_than_its_mebibyte() {
    let server = Server::start().await;
    let owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    let events = largest(&owner);
    let size: usize = events.iter().map(Vec::len).sum();
    assert!(size > 983_040, "{size}");

    let whole = log(&owner, &events);
    let refused = put(&server, &owner, &whole).await;
    refused.was_for(400, "invalid_event", "limit-reached");
    let fits = refused.json()["index"].as_u64().and_then(|index| usize::try_from(index).ok()).expect("a number");
    assert_eq!(stored(&server).await, 0, "all or nothing");
    // In two pieces, again and again, and event by event by two keys.
    put(&server, &owner, &log(&owner, &events[..fits / 2])).await.was(201);
    put(&server, &owner, &log(&owner, &events[..fits])).await.was(200);
    for _ in 0..4 {
        put(&server, &owner, &whole).await.was_for(400, "invalid_event", "limit-reached");
        put(&server, &owner, &log(&owner, &events[..fits])).await.was(200);
    }
    for event in &events[fits..] {
        server.post(&owner.path("/events"), event.clone()).await;
    }
    let full = stored(&server).await;
    assert!(full <= COMMON && full > COMMON - 8_192, "{full}");
    // It costs who reads it no more than that either.
    let audit = server.get(&owner.path("/audit")).await;
    assert!(audit.bytes.len() < kez_core::sigchain::MAX_AUDIT_BYTES / 2, "{}", audit.bytes.len());
    assert!(parse(&audit.bytes).is_ok());
}

/// A thief who is not quite undone deactivates, the owner recovers, and so on.
#[tokio::test(flavor = "multi_thread")]
async fn ending_and_recovering_in_turn_comes_to_an_end_and_the_identity_does_not() {
    let mut limits = Limits::default();
    (limits.chains.chain.bytes, limits.chains.chain.reserve) = (48 * 1024, 16 * 1024);
    let server = Server::start_limited(limits, &[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let mut thief = key(1);
    for turn in 0.. {
        let kept = owner.chain.head().map_or(0, |head| head.seq);
        let end = sign(&owner.chain.next(), &Body::Deactivate { reason: Some("x".repeat(200)) }, &thief);
        let answer = owner.post(&server, &end).await;
        if answer.status != 201 {
            answer.was_for(400, "invalid_event", "limit-reached");
            assert!(turn > 10, "{turn}");
            break;
        }
        // The new primary is known to the thief.
        let primary = SigningKey::from_seed(&[100 + turn; 32]);
        let place = owner.chain.after(kept).expect("it is in the chain");
        let recovery = owner.rotation_at(&place, &primary, &owner.recovery);
        owner.post(&server, &recovery).await.was(201);
        thief = primary;
    }
    assert!(stored(&server).await < 33 * 1024);
    assert_eq!(server.get("/v1/u/tudisco").await.json()["active"], true);
    // Neither a recovery nor anything else by the recovery key is refused.
    let place = owner.chain.next();
    let event = owner.rotation_at(&place, &key(50), &owner.recovery);
    owner.post(&server, &event).await.was(201);
    assert_eq!(server.get("/v1/u/tudisco").await.json()["primary"], key(50).id().to_string());
}

/// A thief makes lists of keys inside lists, each by a key of the one before, and undoes them from the innermost: all of them
/// recoveries, for which room is kept.
#[tokio::test(flavor = "multi_thread")]
async fn recoveries_of_a_thiefs_own_lists_leave_the_owners_room() {
    let mut limits = Limits::default();
    (limits.chains.chain.bytes, limits.chains.chain.reserve) = (64 * 1024, 32 * 1024);
    let server = Server::start_limited(limits, &[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let fresh = |n: usize| {
        let mut seed = [77; 32];
        seed[..8].copy_from_slice(&(n as u64).to_le_bytes());
        SigningKey::from_seed(&seed)
    };
    let takeover = |place: &Place, first: usize, signer: &SigningKey| {
        let keys: Vec<_> = (first..first + 5).map(fresh).collect();
        let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(&keys[4]);
        let rotation_keys = keys.iter().map(SigningKey::id).collect();
        sign(place, &Body::RotatePrimary { primary: keys[4].id(), rotation_keys, pop }, signer)
    };
    let mut lists = vec![];
    let (mut signer, mut next) = (key(1), 0);
    loop {
        let event = takeover(&owner.chain.next(), next, &signer);
        let kept = owner.chain.head().map_or(0, |head| head.seq);
        if owner.post(&server, &event).await.status != 201 {
            break;
        }
        lists.push((kept + 1, next));
        signer = fresh(next + 1);
        next += 5;
    }
    let mut forks = 0;
    for (behind, first) in lists.into_iter().rev() {
        for at in (0..5).rev() {
            let Some(place) = owner.chain.after(behind) else { continue };
            let event = takeover(&place, next, &fresh(first + at));
            next += 5;
            forks += u32::from(owner.post(&server, &event).await.status == 201);
        }
    }
    assert!(forks > 4, "{forks}");
    let place = owner.chain.after(1).expect("the genesis is there");
    let recovery = owner.rotation_at(&place, &key(50), &owner.recovery);
    owner.post(&server, &recovery).await.was(201);
    for n in 51..70 {
        let event = owner.rotation(&key(n), &owner.recovery);
        owner.post(&server, &event).await.was(201);
    }
    assert_eq!(server.get("/v1/u/tudisco").await.json()["primary"], key(69).id().to_string());
}
