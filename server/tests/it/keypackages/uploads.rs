//! What devices leave here.

use kez_core::key_packages::Upload;
use serde_json::Value;

use super::{CLAIMS, PATH, claim, of_length, package, packages, upload};
use crate::chains::owner::Owner;
use crate::harness::{Server, key};
use kez_chat_server::clock::Clock as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_leaves_packages() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (chain, device) = (owner.chain.id(), key(5));
    server.put(&device, chain, [1]).await.is(403, "key_not_authorised");
    let event = owner.device(&device);
    owner.post(&server, &event).await.was(201);
    let now = server.clock.now();
    let first = Upload { last_resort: Some(package(99)), ..packages(chain, now, [1, 2, 3]) };
    server.post(PATH, first.sign(&device)).await.has(201, device.id(), 3, true);
    server.put(&device, chain, [4]).await.has(201, device.id(), 4, true);
    server.put(&owner.identity, chain, [5]).await.has(201, chain, 1, false);
    server.post(PATH, upload(chain, now).sign(&device)).await.has(201, device.id(), 4, true);
    let last = Upload { last_resort: Some(package(98)), ..upload(chain, now) };
    server.post(PATH, last.sign(&device)).await.has(201, device.id(), 4, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_costs_nothing() {
    let server = Server::with(&[1, 2]).await;
    let chain = key(1).id();
    let first = packages(chain, server.clock.now(), [1, 2, 3]).sign(&key(1));
    server.post(PATH, first.clone()).await.has(201, chain, 3, false);
    assert_eq!(server.claim(&key(2), key(2).id(), chain).await.given().0, [(1, false)]);
    server.post(PATH, first.clone()).await.has(200, chain, 2, false);
    let spelt: Value = serde_json::from_slice(&first).expect("JSON");
    let spelt = serde_json::to_string_pretty(&spelt).expect("JSON");
    server.post(PATH, spelt).await.has(200, chain, 2, false);
    // The same packages in another envelope: neither what waits nor what was given away is stored again.
    server.put(&key(1), chain, [1, 2, 3, 4]).await.has(201, chain, 3, false);
    for expected in [2, 3, 4] {
        assert_eq!(server.claim(&key(2), key(2).id(), chain).await.given().0, [(expected, false)]);
    }
    server.put(&key(1), chain, [1, 2, 3, 4]).await.has(201, chain, 0, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_lost_its_keys_replaces_its_packages() {
    let server = Server::with(&[1, 2]).await;
    let (chain, now) = (key(1).id(), server.clock.now());
    let first = Upload { last_resort: Some(package(99)), ..packages(chain, now, 1..=6) };
    server.post(PATH, first.sign(&key(1))).await.has(201, chain, 6, true);
    let second = Upload { replace: true, ..packages(chain, now, [3, 7]) };
    server.post(PATH, second.sign(&key(1))).await.has(201, chain, 2, false);
    server.post(PATH, second.sign(&key(1))).await.has(200, chain, 2, false);
    let third = Upload { replace: true, last_resort: Some(package(98)), ..upload(chain, now) };
    server.post(PATH, third.sign(&key(1))).await.has(201, chain, 0, true);
    let given = server.claim(&key(2), key(2).id(), chain).await.given();
    assert_eq!(given, (vec![(98, true)], vec![]));
    // What was forgotten is not stored again, and a last resort is as often as it is listed.
    let fourth = Upload { last_resort: Some(package(99)), ..packages(chain, now, 1..=7) };
    server.post(PATH, fourth.sign(&key(1))).await.has(201, chain, 0, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_upload_is_taken_whole() {
    let server = Server::with(&[1, 2]).await;
    let (chain, now) = (key(1).id(), server.clock.now());
    let packages: Vec<_> = (0..12).map(|number| of_length(number, 4_096)).collect();
    let last_resort = Some(of_length(99, 4_096));
    let largest = Upload { packages, last_resort, ..upload(chain, now) }.sign(&key(1));
    let mut filled = largest.clone();
    filled.resize(81_920, b' ');
    server.post(PATH, filled.clone()).await.has(201, chain, 12, true);
    filled.push(b' ');
    server.post(PATH, filled).await.is(413, "payload_too_large");
    let given = server.claim(&key(2), key(2).id(), chain).await;
    assert_eq!(given.json()["packages"][0]["package"], of_length(0, 4_096).to_string());
    assert_eq!(given.json()["chain"], chain.to_string());
    assert_eq!(given.header("cache-control"), "no-store");
    // Claims have the size of every other envelope.
    let mut body = claim(key(2).id(), chain, now).sign(&key(2));
    body.resize(16_385, b' ');
    server.post(CLAIMS, body.clone()).await.is(413, "payload_too_large");
    body.pop();
    server.post(CLAIMS, body).await.was(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_is_where_a_broker_is() {
    let server = Server::start().await;
    assert_eq!(server.get("/v1/server").await.json()["chat"], false);
}
