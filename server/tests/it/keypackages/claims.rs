//! Who gets which packages.

use kez_chat_server::clock::Clock as _;
use kez_core::key_packages::{Claim, Upload};
use serde_json::json;

use super::{CLAIMS, PATH, claim, package, packages};
use crate::chains::owner::Owner;
use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn each_wanted_device_that_is_active_gives_one() {
    let server = Server::with(&[30]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (chain, bob, now) = (owner.chain.id(), key(30), server.clock.now());
    for device in [5, 6, 7] {
        let event = owner.device(&key(device));
        owner.post(&server, &event).await.was(201);
    }
    for device in [5, 6] {
        server.put(&key(device), chain, [device.into(), 10 + u16::from(device)]).await.was(201);
    }
    let event = owner.revocation(&key(6));
    owner.post(&server, &event).await.was(201);
    let all = server.claim(&bob, bob.id(), chain).await;
    let (packages, mut missing) = all.given();
    assert_eq!((packages, all.json()["packages"][0]["device"].clone()), (vec![(5, false)], json!(key(5).id())));
    let mut expected = vec![json!(chain), json!(key(7).id())];
    missing.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(missing, expected, "active ones that have none");

    let named = |devices: &[u8]| {
        let devices = devices.iter().map(|device| key(*device).id()).collect();
        server.post(CLAIMS, Claim { devices, ..claim(bob.id(), chain, now) }.sign(&bob))
    };
    // Revoked, another identity's, unknown: they are neither given nor missing.
    assert_eq!(named(&[6, 30, 99]).await.given(), (vec![], vec![]));
    assert_eq!(named(&[7, 5, 5]).await.given(), (vec![(15, false)], vec![json!(key(7).id())]));
    // Devices claim for their identity, also of their own one.
    let own = Claim { devices: vec![chain], ..claim(chain, chain, now) };
    server.put(&owner.identity, chain, [50]).await.was(201);
    assert_eq!(server.post(CLAIMS, own.sign(&key(5))).await.given(), (vec![(50, false)], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_again_gets_the_same_answer() {
    let server = Server::with(&[1, 2]).await;
    let (chain, bob, now) = (key(1).id(), key(2), server.clock.now());
    server.put(&key(1), chain, [1, 2]).await.was(201);
    let text = claim(bob.id(), chain, now).sign(&bob);
    let first = server.post(CLAIMS, text.clone()).await;
    assert_eq!(first.given().0, [(1, false)]);
    let replace = Upload { replace: true, ..packages(chain, now, []) };
    server.post(PATH, replace.sign(&key(1))).await.was(201);
    server.post("/v1/release", server.release("person1", &key(1))).await.was(200);
    server.post("/v1/release", server.release("person2", &bob)).await.was(200);
    server.clock.advance(300);
    let again = server.post(CLAIMS, text.clone()).await;
    assert_eq!((again.status, &again.bytes), (200, &first.bytes), "before every other check");
    server.clock.advance(1);
    server.post(CLAIMS, text).await.is(400, "stale_timestamp");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_resort_is_given_when_there_is_no_other() {
    let server = Server::with(&[1, 2, 3]).await;
    let (chain, now) = (key(1).id(), server.clock.now());
    let first = Upload { last_resort: Some(package(99)), ..packages(chain, now, [1]) };
    server.post(PATH, first.sign(&key(1))).await.was(201);
    for (seed, expected) in [(2, (1, false)), (3, (99, true)), (2, (99, true))] {
        assert_eq!(server.claim(&key(seed), key(seed).id(), chain).await.given(), (vec![expected], vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_loses_its_packages_when_it_stops_being_active() {
    let server = Server::with(&[30]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (chain, bob) = (owner.chain.id(), key(30));
    let event = owner.device(&key(5));
    owner.post(&server, &event).await.was(201);
    server.put(&key(5), chain, [1]).await.was(201);
    server.put(&owner.identity, chain, [2]).await.was(201);
    let rotation = owner.rotation(&key(40), &owner.recovery);
    owner.post(&server, &rotation).await.was(201);
    server.put(&owner.identity, chain, [3]).await.is(403, "key_not_authorised");
    server.put(&key(40), chain, [4]).await.was(201);
    let event = owner.revocation_by(&key(5), &key(5));
    owner.post(&server, &event).await.was(201);
    assert_eq!(server.claim(&bob, bob.id(), chain).await.given(), (vec![(4, false)], vec![]));
    let event = owner.deactivation();
    owner.post(&server, &event).await.was(201);
    server.put(&key(40), chain, [6]).await.is(403, "key_not_authorised");
    assert_eq!(server.claim(&bob, bob.id(), chain).await.given(), (vec![], vec![]), "no device is active");
    server.claim(&key(40), chain, bob.id()).await.is(403, "key_not_authorised");
}
