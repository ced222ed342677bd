//! Who may start a chain.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http::StatusCode;
use tokio::net::TcpListener;

use crate::harness::{NAME, Server, key};
use crate::owner::Owner;

/// A registry that knows one key, and is down for another.
pub(crate) async fn registry(known: String, down: String) -> String {
    let answer = async move |Path((suite, hex)): Path<(String, String)>| match suite.as_str() {
        "ed25519" if hex == known => (StatusCode::OK, format!("{{\"chain\":\"ed25519:{known}\"}}")),
        // A device of the known chain.
        "ed25519" if hex == key(9).id().hex() => (StatusCode::OK, format!("{{\"chain\":\"ed25519:{known}\"}}")),
        "ed25519" if hex == key(11).id().hex() => (StatusCode::OK, format!("{{\"chain\":\"ed25519:{hex}\"}}")),
        "ed25519" if hex == down => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let router = Router::new().route("/v1/k/{suite}/{hex}", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_needs_a_live_handle() {
    let url = registry(key(1).id().hex(), key(7).id().hex()).await;
    let server = Server::start_with(&["--registry-url", &url]).await;
    let mut owner = Owner::start(&server, 1).await;
    let mut stranger = Owner::new(3);
    let genesis = stranger.genesis(NAME);
    stranger.post(&server, genesis).await.is(403, "key_not_authorised", "key-not-authorised");
    server.get(&stranger.path("/head")).await.is(404, "not_found", "");
    let mut device = Owner::new(9);
    let genesis = device.genesis(NAME);
    device.post(&server, genesis).await.is(403, "key_not_authorised", "key-not-authorised");
    let mut second = Owner::start(&server, 11).await;
    let taken = second.device(&key(9));
    second.post(&server, taken).await.is(400, "invalid_event", "key-reuse");
    let taken = second.rotation(&second.chain.next(), &key(9), &[&second.recovery], &second.recovery);
    second.post(&server, taken).await.is(400, "invalid_event", "key-reuse");
    let unknown = second.device(&key(7));
    second.post(&server, unknown).await.is(503, "unavailable", "");
    let own = owner.device(&key(9));
    owner.post(&server, own).await.ok(201);
    let mut unlucky = Owner::new(7);
    let genesis = unlucky.genesis(NAME);
    unlucky.post(&server, genesis).await.is(503, "unavailable", "");
    let event = owner.claim("a.example", &key(1));
    owner.post(&server, event).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_places_come_back_with_the_hour() {
    let server = Server::start_with(&["--open-genesis-per-hour", "2"]).await;
    for seed in [1, 3] {
        Owner::start(&server, seed).await;
    }
    let mut third = Owner::new(5);
    let genesis = third.genesis(NAME);
    // What is refused for another reason takes no place.
    third.post(&server, genesis.clone()).await.is(403, "key_not_authorised", "key-not-authorised");
    server.clock.advance(3_600);
    third.post(&server, genesis).await.ok(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_is_no_reason_to_refuse_for_good() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let server = Server::start_with(&["--registry-url", &url]).await;
    let mut owner = Owner::new(1);
    let genesis = owner.genesis(NAME);
    owner.post(&server, genesis.clone()).await.is(503, "unavailable", "");
    assert_eq!(server.get("/v1/export").await.text(), "");
    // With open places, one of them is taken instead.
    let server = Server::start_with(&["--registry-url", &url, "--open-genesis-per-hour", "1"]).await;
    owner.post(&server, genesis).await.ok(201);
}
