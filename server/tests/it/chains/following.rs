//! What a handle is, as its chain goes on.

use kez_core::SigningKey;
use serde_json::{Value, json};

use super::owner::Owner;
use crate::harness::{NAME, Server, handle, key};

async fn by_key(server: &Server, key: &SigningKey) -> (u16, Value) {
    let answer = server.get(&format!("/v1/k/ed25519/{}", key.id().hex())).await;
    (answer.status, answer.json()["handle"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_follow_the_primary_and_keep_the_chain() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (laptop, next) = (key(3), key(4));
    let record = async || server.get("/v1/u/tudisco").await.json();
    let chain = owner.chain.id().to_string();
    let url = format!("https://{NAME}/v1/sigchains/ed25519/{}", owner.chain.id().hex());
    let shown = |record: &Value, primary: &SigningKey, head: &str| {
        assert_eq!((&record["primary"], &record["chain"]), (&json!(primary.id().to_string()), &json!(chain)));
        assert_eq!((&record["head"], &record["active"]), (&json!(head), &json!(true)));
        assert_eq!(record["sigchain_url"], url);
    };
    shown(&record().await, &owner.identity, &owner.head());

    let event = owner.device(&laptop);
    owner.post(&server, &event).await.was(201);
    shown(&record().await, &owner.identity, &owner.head());
    for known in [&owner.identity, &laptop] {
        assert_eq!(by_key(&server, known).await, (200, json!("tudisco")));
    }
    assert_eq!(by_key(&server, &owner.recovery).await.0, 404, "listing it proves nothing");

    let event = owner.rotation(&next, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    shown(&record().await, &next, &owner.head());
    assert_eq!(by_key(&server, &owner.identity).await.0, 404, "it was rotated away");
    for known in [&next, &laptop] {
        assert_eq!(by_key(&server, known).await, (200, json!("tudisco")));
    }
    let finger = server.get(&format!("/.well-known/webfinger?resource=acct:tudisco@{NAME}")).await.json();
    assert_eq!(finger["properties"]["https://kez.lat/ns/primary"], next.id().to_string());
    assert_eq!(finger["links"][2]["href"], url);

    let event = owner.revocation(&laptop);
    let event = kez_core::sigchain::Unverified::parse(&event).map(|_| {
        let body =
            kez_core::sigchain::Body::RevokeKey { key: laptop.id(), reason: kez_core::sigchain::RevokeReason::Retired };
        super::owner::sign(&owner.chain.next(), &body, &next)
    });
    owner.post(&server, &event.expect("an event")).await.was(201);
    assert_eq!(by_key(&server, &laptop).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_primary_releases_and_comes_back_to_its_chain() {
    let server = Server::start_with(&["--release-hold-days", "1"]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (laptop, next, stranger) = (key(3), key(4), key(9));
    let event = owner.device(&laptop);
    owner.post(&server, &event).await.was(201);
    let event = owner.rotation(&next, &owner.identity);
    owner.post(&server, &event).await.was(201);

    server.post("/v1/release", server.release("tudisco", &owner.identity)).await.is(400, "key_mismatch");
    server.post("/v1/release", server.release("tudisco", &next)).await.was(200);
    for gone in [&next, &laptop, &owner.identity] {
        assert_eq!(by_key(&server, gone).await.0, 404);
    }
    server.clock.advance(60);
    for other in [&owner.identity, &laptop, &stranger] {
        server.post("/v1/register", server.registration("tudisco", other)).await.is(409, "handle_taken");
    }
    let again = server.post("/v1/register", server.registration("tudisco", &next)).await;
    again.was(201);
    let record = again.json();
    assert_eq!(record, server.get("/v1/u/tudisco").await.json());
    assert_eq!((&record["chain"], &record["head"]), (&json!(owner.chain.id().to_string()), &json!(owner.head())));
    assert_eq!(by_key(&server, &laptop).await, (200, json!("tudisco")), "its devices are back");
    let twice = server.post("/v1/register", server.registration("tudisco", &next)).await;
    assert_eq!((twice.status, twice.json()), (200, record), "asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_rotated_away_after_the_release_is_another_key() {
    let server = Server::start_with(&["--release-hold-days", "1"]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    server.post("/v1/release", server.release("tudisco", &owner.identity)).await.was(200);
    let next = key(4);
    let event = owner.rotation(&next, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    server.clock.advance(60);
    server.post("/v1/register", server.registration("tudisco", &owner.identity)).await.is(409, "handle_taken");
    // After the hold, its chain still speaks for another key.
    server.clock.advance(86_400);
    let refused = server.post("/v1/register", server.registration("tudisco", &owner.identity)).await;
    refused.is(409, "key_already_registered");
    let resumed = server.post("/v1/register", server.registration("tudisco", &next)).await;
    assert_eq!((resumed.status, &resumed.json()["chain"]), (201, &json!(owner.chain.id().to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_gives_the_handle_back() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (thief, fresh, laptop) = (key(7), key(8), key(9));
    let place = owner.chain.next();
    let event = owner.rotation(&thief, &owner.identity);
    owner.post(&server, &event).await.was(201);
    assert_eq!(by_key(&server, &thief).await, (200, json!("tudisco")));
    let event = owner.device_by(&laptop, &thief);
    owner.post(&server, &event).await.was(201);

    let event = owner.rotation_at(&place, &fresh, &owner.recovery);
    owner.post(&server, &event).await.was(201);
    let record = server.get("/v1/u/tudisco").await.json();
    assert_eq!((&record["primary"], &record["head"]), (&json!(fresh.id().to_string()), &json!(owner.head())));
    for gone in [&thief, &laptop, &owner.identity] {
        assert_eq!(by_key(&server, gone).await.0, 404);
    }
    // Displaced events use no key up.
    server.register("laptop", &laptop).await;
    server.register("thief", &thief).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_identity_is_shown_as_such() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let event = owner.deactivation();
    owner.post(&server, &event).await.was(201);
    let record = server.get("/v1/u/tudisco").await.json();
    assert_eq!((&record["active"], &record["handle"]), (&json!(false), &json!("tudisco")));
    server.post("/v1/register", server.registration("tudisco", &key(9))).await.is(409, "handle_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let event = owner.rotation(&key(4), &owner.recovery);
    owner.post(&server, &event).await.was(201);
    let (before, head) = (server.get("/v1/u/tudisco").await.json(), server.get(&owner.path("/head")).await.json());
    let receipts = server.get("/v1/server").await.json()["receipt_key"].clone();
    let server = Server::start_in(server.stop().await, &[]).await;
    assert_eq!(server.get("/v1/u/tudisco").await.json(), before);
    assert_eq!(server.get(&owner.path("/head")).await.json(), head);
    assert_eq!(server.get("/v1/server").await.json()["receipt_key"], receipts);
    assert!(receipts.as_str().is_some_and(|key| key.starts_with("ed25519:")));
    // The registration is still the first one's, and provable through the chain.
    let signed = server.get("/v1/u/tudisco/registration").await;
    let name = crate::harness::name();
    let expected = kez_core::registration::Expected { handle: &handle("tudisco"), primary: key(1).id(), server: &name };
    expected.verify(&signed.bytes).expect("the chain key registered");
}
