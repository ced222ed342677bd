//! After a chain has moved away, its old home keeps nobody: none of its keys gets into the broker, and what a thief moved
//! comes back with the owner.

use std::time::Duration;

use kez_core::SigningKey;
use kez_core::sigchain::{Body, Place};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::chains::elsewhere::{Remote, listen, shows};
use crate::chains::owner::{Owner, rotation_to, sign};
use crate::harness::{Answer, NAME, Server, key};
use crate::nats::Nats;
use crate::nats::raw::Raw;

const ELSEWHERE: &str = "elsewhere.test";
const REFUSED: &str = "Authorization Violation";

fn moves(place: &Place, from: &str, to: &str, signer: &SigningKey) -> Vec<u8> {
    let server = |name: &str| name.parse().expect("a server's name");
    sign(place, &Body::ServerMove { from: server(from), to: server(to) }, signer)
}

fn moves_away(owner: &Owner, signer: &SigningKey) -> Vec<u8> {
    moves(&owner.chain.next(), NAME, ELSEWHERE, signer)
}

/// Whether the record says that the identity is in use here, by name and by each of these keys.
async fn in_use(server: &Server, keys: &[&SigningKey]) -> bool {
    let by_name = server.get("/v1/u/tudisco").await.json()["active"].clone();
    for key in keys {
        let by_key = server.get(&format!("/v1/k/ed25519/{}", key.id().hex())).await.json();
        assert_eq!((&by_key["handle"], &by_key["active"]), (&json!("tudisco"), &by_name), "both say the same");
    }
    by_name == json!(true)
}

/// The log of a chain here, with what its owner did elsewhere.
async fn brought_back(server: &Server, owner: &mut Owner, events: &[Vec<u8>]) -> Answer {
    let mut audit = server.get(&owner.path("/audit")).await.json();
    for event in events {
        owner.saw(event);
        let event: Value = serde_json::from_slice(event).expect("JSON");
        let entry = json!({ "event": event, "received_at": kez_chat_server::clock::Clock::now(&*server.clock) });
        audit["entries"].as_array_mut().expect("a list").push(entry);
    }
    let headers = [("content-type", "application/json")];
    server.send(reqwest::Method::PUT, &owner.path(""), &headers, audit.to_string().into_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_a_chain_that_moved_away_stays_at_the_broker() {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let laptop = key(3);
    let event = owner.device(&laptop);
    owner.post(&server, &event).await.was(201);
    let mut sessions = Vec::new();
    for key in [&owner.identity, &laptop] {
        sessions.push(Raw::login(&nats, key).await);
    }
    assert!(in_use(&server, &[&owner.identity, &laptop]).await);

    let place = owner.chain.next();
    let event = moves_away(&owner, &owner.identity);
    owner.post(&server, &event).await.was(201);
    assert!(!in_use(&server, &[&owner.identity, &laptop]).await);
    for key in [&owner.identity, &laptop] {
        assert_eq!(Raw::try_login(&nats, key).await, Err(REFUSED.to_owned()));
    }
    for session in &mut sessions {
        assert!(session.ended_within(Duration::from_secs(5)).await);
    }

    // It was a thief: the owner undoes the move, and the laptop stands again.
    let fresh = key(8);
    let event = owner.rotation_at(&place, &fresh, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    assert!(in_use(&server, &[&fresh, &laptop]).await);
    for key in [&fresh, &laptop] {
        drop(Raw::login(&nats, key).await);
    }
    assert_eq!(Raw::try_login(&nats, &owner.identity).await, Err(REFUSED.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_moves_back_stands_again() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let event = owner.device(&key(3));
    owner.post(&server, &event).await.was(201);
    let event = moves_away(&owner, &owner.identity);
    owner.post(&server, &event).await.was(201);
    assert!(!in_use(&server, &[&owner.identity, &key(3)]).await);
    let back = moves(&owner.chain.next(), ELSEWHERE, NAME, &owner.identity);
    brought_back(&server, &mut owner, &[back]).await.was(201);
    assert!(in_use(&server, &[&owner.identity, &key(3)]).await);
    assert_eq!(server.get("/v1/u/tudisco").await.json()["head"], owner.head());
}

/// Its keys stay taken, or a thief could move the chain, hand a stolen device to an identity of their own, and so keep the
/// owner from undoing the move.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_chain_that_moved_away_are_not_free() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let laptop = key(3);
    let event = owner.device(&laptop);
    owner.post(&server, &event).await.was(201);
    let place = owner.chain.next();
    let event = moves_away(&owner, &owner.identity);
    owner.post(&server, &event).await.was(201);
    let mut thief = Owner::start(&server, "thief", 11).await;
    let event = thief.device(&laptop);
    thief.post(&server, &event).await.was_for(400, "invalid_event", "key-reuse");
    let refused = server.post("/v1/register", server.registration("other", &laptop)).await;
    refused.is(409, "key_already_registered");
    // The name is the identity's, wherever its chain lives.
    server.post("/v1/register", server.registration("tudisco", &key(20))).await.is(409, "handle_taken");
    let event = rotation_to(&place, &key(8), vec![owner.recovery.id(), key(8).id()], &owner.recovery);
    owner.post(&server, &event).await.was(201);
    assert!(in_use(&server, &[&key(8), &laptop]).await);
}

/// Chains that had moved before the server knew what that means are found when it starts.
#[tokio::test(flavor = "multi_thread")]
async fn chains_that_moved_away_before_are_found_at_the_start() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let mut stays = Owner::start(&server, "stays", 11).await;
    let mut undone = Owner::start(&server, "undone", 21).await;
    let event = stays.device(&key(3));
    stays.post(&server, &event).await.was(201);
    let event = moves_away(&owner, &owner.identity);
    owner.post(&server, &event).await.was(201);
    let place = undone.chain.next();
    let event = moves_away(&undone, &undone.identity);
    undone.post(&server, &event).await.was(201);
    let event = undone.rotation_at(&place, &key(28), &undone.recovery);
    undone.post(&server, &event).await.was(201);

    let folder = server.stop().await;
    let options = SqliteConnectOptions::new().filename(folder.path().join("kez.db"));
    let mut db = options.connect().await.expect("a connection");
    for sql in [
        "ALTER TABLE chains DROP COLUMN home",
        "DROP INDEX chain_keys_standing",
        "DELETE FROM _sqlx_migrations WHERE version = 4",
    ] {
        sqlx::raw_sql(sql).execute(&mut db).await.expect("SQL");
    }
    db.close().await.expect("it closes");
    let server = Server::start_in(folder, &[]).await;
    assert!(!in_use(&server, &[&owner.identity]).await);
    for handle in ["stays", "undone"] {
        assert_eq!(server.get(&format!("/v1/u/{handle}")).await.json()["active"], true, "{handle}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_followed_on_a_server_of_its_own_too() {
    let (listener, base) = listen().await;
    let server = Server::start_with(&["--sig-server-url", &base]).await;
    let remote = Remote::start(listener, &server.base).await;
    let mut owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    let genesis = owner.genesis();
    remote.post(&server, &mut owner, genesis).await.was(201);
    let event = owner.device(&key(3));
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    assert!(in_use(&server, &[&owner.identity, &key(3)]).await);
    let place = owner.chain.next();
    let event = moves_away(&owner, &owner.identity);
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    assert!(!in_use(&server, &[&owner.identity, &key(3)]).await);
    let event = owner.rotation_at(&place, &key(8), &owner.recovery);
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    assert!(in_use(&server, &[&key(8), &key(3)]).await);
}
