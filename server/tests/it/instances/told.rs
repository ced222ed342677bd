//! Who is told what.

use kez_chat_server::clock::Clock as _;
use tokio::task::JoinSet;

use super::{PATH, said};
use crate::chains::owner::Owner;
use crate::harness::{Answer, Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_told_so() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let device = key(1);
    let first = server.says(&device, Some(9), 1).await;
    first.kept(201, device.id(), 1);
    assert_eq!(first.header("cache-control"), "no-store");
    server.says(&device, Some(1), 2).await.kept(201, device.id(), 2);
    // Two that opened the same state: the first goes on.
    server.says(&device, Some(2), 3).await.kept(201, device.id(), 3);
    server.says(&device, Some(2), 4).await.conflicts();
    server.says(&device, Some(9), 3).await.kept(200, device.id(), 3);
    // It throws its state away and begins anew; then the other one is the copy.
    server.says(&device, None, 5).await.kept(201, device.id(), 5);
    server.says(&device, Some(3), 6).await.conflicts();
    server.says(&device, Some(3), 3).await.conflicts();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_is_accepted_once() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let (device, now) = (key(1), server.clock.now());
    let first = said(device.id(), None, 1, now).sign(&device);
    server.post(PATH, first.clone()).await.kept(201, device.id(), 1);
    server.post(PATH, first.clone()).await.kept(200, device.id(), 1);
    server.clock.advance(1);
    let again = said(device.id(), None, 1, server.clock.now()).sign(&device);
    server.post(PATH, again.clone()).await.kept(200, device.id(), 1);
    server.says(&device, Some(1), 2).await.kept(201, device.id(), 2);
    // Whoever recorded them does not bring the first one back, neither the accepted nor the one that found it kept.
    server.post(PATH, first.clone()).await.conflicts();
    server.post(PATH, again.clone()).await.conflicts();
    server.clock.advance(299);
    server.post(PATH, first.clone()).await.conflicts();
    server.post(PATH, again).await.conflicts();
    server.clock.advance(1);
    server.post(PATH, first).await.is(400, "stale_timestamp");
    server.says(&device, Some(2), 3).await.kept(201, device.id(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_has_its_own() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (chain, device) = (owner.chain.id(), key(5));
    let says = |by: u8, previous, instance| {
        let body = said(chain, previous, instance, server.clock.now()).sign(&key(by));
        server.post(PATH, body)
    };
    says(5, None, 1).await.is(403, "key_not_authorised");
    let event = owner.device(&device);
    owner.post(&server, &event).await.was(201);
    says(5, None, 1).await.kept(201, device.id(), 1);
    says(1, None, 2).await.kept(201, chain, 2);
    says(5, Some(1), 3).await.kept(201, device.id(), 3);
    let event = owner.revocation(&device);
    owner.post(&server, &event).await.was(201);
    says(5, Some(3), 3).await.is(403, "key_not_authorised");
    says(1, Some(2), 4).await.kept(201, chain, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_copies_goes_on() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let device = key(1);
    server.says(&device, None, 1).await.was(201);
    let mut racing = JoinSet::new();
    for instance in 10..42 {
        let body = said(device.id(), Some(1), instance, server.clock.now()).sign(&device);
        let request = server.http.post(format!("{}{PATH}", server.base)).header("content-type", "application/json");
        racing
            .spawn(async move { (instance, Answer::read(request.body(body).send().await.expect("an answer")).await) });
    }
    let (went_on, copies): (Vec<_>, Vec<_>) =
        racing.join_all().await.into_iter().partition(|(_, answer)| answer.status == 201);
    assert_eq!((went_on.len(), copies.len()), (1, 31));
    copies.iter().for_each(|(_, answer)| answer.conflicts());
    server.says(&device, Some(9), went_on[0].0).await.was(200);
}
