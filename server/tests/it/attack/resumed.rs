//! One device key in two identities, through a chain that is resumed: while a handle is released its keys are free, and
//! when it is taken again they all stand for it once more. So none of them may stand for somebody else by then.

use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::chains::owner::Owner;
use crate::harness::{Server, key};

/// An owner with a device, whose handle is released.
async fn released(server: &Server) -> Owner {
    let mut owner = Owner::start(server, "tudisco", 1).await;
    let event = owner.device(&key(3));
    owner.post(server, &event).await.was(201);
    server.post("/v1/release", server.release("tudisco", &owner.identity)).await.was(200);
    server.clock.advance(1);
    owner
}

/// Which handle a key stands for.
async fn stands_for(server: &Server, seed: u8) -> String {
    let found = server.get(&format!("/v1/k/ed25519/{}", key(seed).id().hex())).await.json();
    found["handle"].as_str().unwrap_or("nobody").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_has_a_handle_of_its_own_by_now() {
    let server = Server::start().await;
    let mut owner = released(&server).await;
    server.register("laptop", &key(3)).await;
    // Under the old name or under a new one: the chain would come along.
    for handle in ["tudisco", "other"] {
        let again = server.post("/v1/register", server.registration(handle, &owner.identity)).await;
        again.is(409, "key_already_registered");
    }
    assert_eq!(stands_for(&server, 3).await, "laptop");
    // The owner takes the device out, and then the name.
    let event = owner.revocation(&key(3));
    owner.post(&server, &event).await.was(201);
    server.register("tudisco", &owner.identity).await;
    assert_eq!((stands_for(&server, 3).await, stands_for(&server, 1).await), ("laptop".into(), "tudisco".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_another_identitys_device_by_now() {
    let server = Server::start().await;
    let owner = released(&server).await;
    let mut other = Owner::start(&server, "other", 11).await;
    let event = other.device(&key(3));
    other.post(&server, &event).await.was(201);
    let again = server.post("/v1/register", server.registration("tudisco", &owner.identity)).await;
    again.is(409, "key_already_registered");
    assert_eq!(stands_for(&server, 3).await, "other");
    // What the other identity revoked stands for nobody there, and what nobody has a live handle for holds up nobody.
    let event = other.revocation(&key(3));
    other.post(&server, &event).await.was(201);
    server.register("tudisco", &owner.identity).await;
    assert_eq!(stands_for(&server, 3).await, "tudisco");
}

/// In one transaction of the writer: whichever comes first, the other is refused.
#[tokio::test(flavor = "multi_thread")]
async fn of_the_name_and_the_device_in_one_batch_exactly_one_wins() {
    for device_first in [true, false] {
        let server = Server::start().await;
        let owner = released(&server).await;
        let (name, device) = (server.registration("tudisco", &owner.identity), server.registration("laptop", &key(3)));
        let order = if device_first { [&device, &name] } else { [&name, &device] };
        // While somebody else has the lock, the writer waits for it with what came first, and both of these behind it.
        let mut intruder = SqliteConnectOptions::new().filename(server.db()).connect().await.expect("a connection");
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut intruder).await.expect("SQL");
        let after = async |pause: u64, body: Vec<u8>| {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            server.post("/v1/register", body).await
        };
        let unlock = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            sqlx::raw_sql("ROLLBACK").execute(&mut intruder).await.expect("SQL");
        };
        let waits = after(0, server.registration("waits", &key(60)));
        let (waits, first, second, ()) =
            tokio::join!(waits, after(150, order[0].clone()), after(300, order[1].clone()), unlock);
        assert_eq!(waits.status, 201);
        intruder.close().await.expect("it closes");
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", first.json(), second.json());
        let refused = if first.status == 409 { first } else { second };
        refused.is(409, "key_already_registered");
        let wins = if server.get("/v1/u/laptop").await.status == 200 { "laptop" } else { "tudisco" };
        assert_eq!(stands_for(&server, 3).await, wins);
    }
}

/// Released and taken again, and a stranger's registration of its device in between: the chain is live again for everybody
/// who comes behind it.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_leave_each_key_with_one_identity() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let devices: Vec<u8> = (40..48).collect();
    for device in &devices {
        let event = owner.device(&key(*device));
        owner.post(&server, &event).await.was(201);
    }
    for round in 0..6 {
        server.clock.advance(2);
        server.post("/v1/release", server.release("tudisco", &owner.identity)).await.was(200);
        server.clock.advance(2);
        let name = server.post("/v1/register", server.registration("tudisco", &owner.identity));
        let others = devices.iter().map(|device| {
            server.post("/v1/register", server.registration(&format!("device{device}-{round}"), &key(*device)))
        });
        let (name, others) = tokio::join!(name, futures_util::future::join_all(others));
        let won = others.iter().filter(|answer| answer.status == 201).count();
        match name.status {
            201 => assert_eq!(won, 0, "each device is the chain's again"),
            409 => assert!(won > 0),
            status => panic!("{status}: {}", name.json()),
        }
        // Back to where it began, for the next round.
        for (device, answer) in devices.iter().zip(others) {
            if answer.status == 201 {
                server.clock.advance(1);
                let handle = answer.json()["handle"].clone();
                let handle = handle.as_str().expect("a handle");
                server.post("/v1/release", server.release(handle, &key(*device))).await.was(200);
            } else {
                answer.is(409, "key_already_registered");
            }
        }
        if name.status == 409 {
            server.clock.advance(1);
            server.register("tudisco", &owner.identity).await;
        }
        assert_eq!(server.get("/v1/u/tudisco").await.json()["chain"], json!(owner.chain.id().to_string()));
    }
}

/// A thief took the device out of the chain and into an identity of their own. That must not keep the owner from coming
/// back: the device goes on to stand for whoever has it now, and not for the owner again.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_a_recovery_brings_back_stands_for_whoever_has_it_by_now() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (laptop, stolen, fresh) = (key(3), key(7), key(8));
    let event = owner.device(&laptop);
    owner.post(&server, &event).await.was(201);
    let place = owner.chain.next();
    let event = owner.rotation(&stolen, &owner.identity);
    owner.post(&server, &event).await.was(201);
    let event = owner.revocation_by(&laptop, &stolen);
    owner.post(&server, &event).await.was(201);
    let mut thief = Owner::start(&server, "thief", 11).await;
    let event = thief.device(&laptop);
    thief.post(&server, &event).await.was(201);

    let event = owner.rotation_at(&place, &fresh, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    let standing = async || [3, 7, 8, 11].map(|seed| stands_for(&server, seed));
    let standing = futures_util::future::join_all(standing().await).await;
    assert_eq!(standing, ["thief", "nobody", "tudisco", "thief"]);
    // Once the other identity lets it go, the owner can have it back, by another key of the device's.
    let event = thief.revocation(&laptop);
    thief.post(&server, &event).await.was(201);
    assert_eq!(stands_for(&server, 3).await, "nobody");
    let body =
        kez_core::sigchain::Body::RevokeKey { key: laptop.id(), reason: kez_core::sigchain::RevokeReason::Compromised };
    let event = crate::chains::owner::sign(&owner.chain.next(), &body, &fresh);
    owner.post(&server, &event).await.was(201);
    assert_eq!(stands_for(&server, 8).await, "tudisco");
}
