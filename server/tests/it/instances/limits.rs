//! How often, and how much.

use kez_chat_server::clock::Clock as _;

use super::{PATH, said};
use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_device_begins_sixty_instances_an_hour() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    server.register("another", &key(2)).await;
    let device = key(1);
    server.says(&device, None, 0).await.was(201);
    server.clock.advance(10);
    for instance in 1..60 {
        server.says(&device, Some(instance - 1), instance).await.kept(201, device.id(), instance);
        server.says(&device, Some(instance - 1), instance).await.kept(200, device.id(), instance);
    }
    let refused = server.says(&device, Some(59), 60).await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3590");
    server.says(&device, None, 60).await.is(429, "rate_limited");
    server.says(&device, Some(58), 60).await.conflicts();
    server.says(&device, Some(9), 59).await.kept(200, device.id(), 59);
    server.says(&key(2), None, 60).await.kept(201, key(2).id(), 60);
    server.clock.advance(3_590);
    server.says(&device, Some(59), 60).await.kept(201, device.id(), 60);
    server.says(&device, Some(60), 61).await.is(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_as_large_as_any_envelope() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let mut body = said(key(1).id(), None, 1, server.clock.now()).sign(&key(1));
    body.resize(16_385, b' ');
    server.post(PATH, body.clone()).await.is(413, "payload_too_large");
    body.pop();
    server.post(PATH, body).await.kept(201, key(1).id(), 1);
}
