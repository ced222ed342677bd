//! A thief releases the name. Whoever the chain speaks for now has the right to it, so the owner who recovers the identity
//! gets it back at once, and nobody else does during the hold.

use kez_core::SigningKey;
use serde_json::json;

use crate::chains::elsewhere::{Remote, listen, shows};
use crate::chains::owner::{Owner, rotation_to};
use crate::harness::{Server, key};

/// The thief's other keys, and the owner's new one.
const TAKES_OVER: u8 = 7;
const DEVICE: u8 = 9;
const FRESH: u8 = 8;

async fn release(server: &Server, handle: &str, key: &SigningKey) {
    server.post("/v1/release", server.release(handle, key)).await.was(200);
    server.clock.advance(1);
}

/// Nobody of these gets the handle, and `owner` does, with its chain.
async fn is_back(server: &Server, owner: &Owner, fresh: &SigningKey, others: &[&SigningKey]) {
    for other in others {
        server.post("/v1/register", server.registration("tudisco", other)).await.is(409, "handle_taken");
    }
    let again = server.post("/v1/register", server.registration("tudisco", fresh)).await;
    again.was(201);
    let record = again.json();
    assert_eq!(
        (&record["primary"], &record["chain"], &record["head"], &record["active"]),
        (&json!(fresh.id().to_string()), &json!(owner.chain.id().to_string()), &json!(owner.head()), &json!(true))
    );
    assert_eq!(server.get("/v1/u/tudisco").await.json(), record);
    let found = server.get(&format!("/v1/k/ed25519/{}", fresh.id().hex())).await;
    assert_eq!((found.status, &found.json()["handle"]), (200, &json!("tudisco")));
    let twice = server.post("/v1/register", server.registration("tudisco", fresh)).await;
    assert_eq!((twice.status, twice.json()), (200, record), "asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_who_rotates_gets_back_what_the_stolen_key_released() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    release(&server, "tudisco", &owner.identity).await;
    let fresh = key(FRESH);
    let event = owner.rotation(&fresh, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    is_back(&server, &owner, &fresh, &[&owner.identity, &owner.recovery, &key(50)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_gets_it_back_from_a_thief_who_rotated_first() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (thief, device, fresh) = (key(TAKES_OVER), key(DEVICE), key(FRESH));
    let place = owner.chain.next();
    // The recovery key is thrown out, which helps nothing within 72 hours.
    let event = rotation_to(&place, &thief, vec![thief.id()], &owner.identity);
    owner.post(&server, &event).await.was(201);
    let event = owner.device_by(&device, &thief);
    owner.post(&server, &event).await.was(201);
    release(&server, "tudisco", &thief).await;
    // The thief may sit in another name by now, with any key that was in the chain for a while.
    server.register("hideout", &device).await;

    let event = owner.rotation_at(&place, &fresh, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    is_back(&server, &owner, &fresh, &[&thief, &owner.identity, &owner.recovery]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_key_itself_may_become_the_primary_that_takes_it() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (thief, recovery) = (key(TAKES_OVER), key(2));
    let place = owner.chain.next();
    let event = rotation_to(&place, &thief, vec![thief.id()], &owner.identity);
    owner.post(&server, &event).await.was(201);
    release(&server, "tudisco", &thief).await;
    let event = rotation_to(&place, &recovery, vec![recovery.id()], &recovery);
    owner.post(&server, &event).await.was(201);
    is_back(&server, &owner, &recovery, &[&thief, &owner.identity]).await;
}

/// The stolen key began the chain, so the chain came along into the thief's other name.
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_takes_another_name_with_the_chain_keeps_neither() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    release(&server, "tudisco", &owner.identity).await;
    server.register("hideout", &owner.identity).await;
    let fresh = key(FRESH);
    let event = owner.rotation(&fresh, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    let hideout = server.get("/v1/u/hideout").await.json();
    assert_eq!(hideout["primary"], fresh.id().to_string(), "a name follows its chain");
    let both = server.post("/v1/register", server.registration("tudisco", &fresh)).await;
    both.is(409, "key_already_registered");
    release(&server, "hideout", &fresh).await;
    is_back(&server, &owner, &fresh, &[&owner.identity]).await;
}

/// As long as nothing is in the chain, there is nobody to recover: the key that released it has it.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_chain_the_key_that_released_it_has_the_right() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    release(&server, "tudisco", &key(1)).await;
    server.post("/v1/register", server.registration("tudisco", &key(9))).await.is(409, "handle_taken");
    server.register("tudisco", &key(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_for_a_chain_on_a_server_of_its_own() {
    let (listener, base) = listen().await;
    let server = Server::start_with(&["--sig-server-url", &base]).await;
    let remote = Remote::start(listener, &server.base).await;
    let mut owner = Owner::new(1);
    let (thief, fresh) = (key(TAKES_OVER), key(FRESH));
    server.register("tudisco", &owner.identity).await;
    let genesis = owner.genesis();
    remote.post(&server, &mut owner, genesis).await.was(201);
    let place = owner.chain.next();
    let event = rotation_to(&place, &thief, vec![thief.id()], &owner.identity);
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    release(&server, "tudisco", &thief).await;

    let event = owner.rotation_at(&place, &fresh, &owner.recovery);
    remote.post(&server, &mut owner, event).await.was(201);
    // Nobody can see that the recovery was followed, but by trying.
    let followed = async {
        while server.post("/v1/register", server.registration("tudisco", &fresh)).await.status != 201 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), followed).await.expect("the recovery is followed");
    release(&server, "tudisco", &fresh).await;
    is_back(&server, &owner, &fresh, &[&thief, &owner.identity, &owner.recovery]).await;
}
