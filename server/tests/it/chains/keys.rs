//! One key, one identity.

use kez_core::SigningKey;
use serde_json::json;

use super::owner::Owner;
use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_live_chain_register_nothing_else() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (laptop, phone, next) = (key(3), key(5), key(4));
    for device in [&laptop, &phone] {
        let event = owner.device(device);
        owner.post(&server, &event).await.was(201);
    }
    let event = owner.revocation(&phone);
    owner.post(&server, &event).await.was(201);
    let event = owner.rotation(&next, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    for known in [&owner.identity, &laptop, &phone, &next] {
        let refused = server.post("/v1/register", server.registration("other", known)).await;
        refused.is(409, "key_already_registered");
    }
    // Listing the recovery key proved nothing: whoever holds it is free.
    server.register("free", &owner.recovery).await;
    // Once nobody has the handle, its former keys are free too.
    server.post("/v1/release", server.release("tudisco", &next)).await.was(200);
    for (free, handle) in [(&laptop, "laptop"), (&phone, "phone")] {
        server.register(handle, free).await;
    }
    // But the first key's chain is another's now.
    let refused = server.post("/v1/register", server.registration("other", &owner.identity)).await;
    refused.is(409, "key_already_registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_takes_no_key_of_another_identity() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let mut other = Owner::start(&server, "other", 11).await;
    let (laptop, plain) = (key(21), key(22));
    server.register("plain", &plain).await;
    let event = other.device(&laptop);
    other.post(&server, &event).await.was(201);
    let heads = [owner.head(), other.head()];
    for taken in [&laptop, &plain, &other.identity] {
        let device = owner.device(taken);
        owner.post(&server, &device).await.was_for(400, "invalid_event", "key-reuse");
        let rotation = owner.rotation(taken, &owner.recovery);
        owner.post(&server, &rotation).await.was_for(400, "invalid_event", "key-reuse");
    }
    // A device of another identity begins no chain.
    let mut thief = Owner::new(21);
    let genesis = thief.genesis();
    thief.post(&server, &genesis).await.was_for(403, "key_not_authorised", "key-not-authorised");
    assert_eq!([owner.head(), other.head()], heads);
    assert_eq!(server.get(&owner.path("/head")).await.json()["hash"], heads[0]);
    // What was refused spoilt nothing: the chain goes on, and a revoked device of another may be taken.
    let event = other.revocation(&laptop);
    other.post(&server, &event).await.was(201);
    let event = owner.device(&laptop);
    owner.post(&server, &event).await.was(201);
}

/// Whichever comes first, the other is refused: by the database, since both are decided in its transactions.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_registration_and_a_device_with_one_key_exactly_one_wins() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let mut won = [0, 0];
    for round in 0..24_u8 {
        let contested = key(100 + round);
        let device = owner.device(&contested);
        let registration = server.registration(&format!("round{round}"), &contested);
        let path = owner.path("/events");
        let (added, registered) =
            tokio::join!(server.post(&path, device.clone()), server.post("/v1/register", registration));
        match (added.status, registered.status) {
            (201, 409) => {
                registered.is(409, "key_already_registered");
                owner.saw(&device);
                won[0] += 1;
            }
            (400, 201) => {
                added.was_for(400, "invalid_event", "key-reuse");
                won[1] += 1;
            }
            other => panic!("both, or neither: {other:?} {} {}", added.json(), registered.json()),
        }
    }
    assert_eq!(won[0] + won[1], 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_nobody_registered_is_no_free_storage() {
    let server = Server::start_with(&["--export", "public"]).await;
    let mut stranger = Owner::new(1);
    let genesis = stranger.genesis();
    stranger.post(&server, &genesis).await.was_for(403, "key_not_authorised", "key-not-authorised");
    assert_eq!(server.get("/v1/export").await.bytes, b"");
    // Registered, released: no chain either.
    server.register("tudisco", &stranger.identity).await;
    server.post("/v1/release", server.release("tudisco", &stranger.identity)).await.was(200);
    stranger.post(&server, &genesis).await.was_for(403, "key_not_authorised", "key-not-authorised");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chains_race_for_one_device() {
    let server = Server::start().await;
    let one = Owner::start(&server, "one", 1).await;
    let two = Owner::start(&server, "two", 11).await;
    let contested: SigningKey = key(50);
    let paths = [one.path("/events"), two.path("/events")];
    let (first, second) =
        tokio::join!(server.post(&paths[0], one.device(&contested)), server.post(&paths[1], two.device(&contested)));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400], "{} {}", first.json(), second.json());
    let owner = if first.status == 201 { "one" } else { "two" };
    let found = server.get(&format!("/v1/k/ed25519/{}", contested.id().hex())).await.json();
    assert_eq!(found["handle"], json!(owner));
}
