//! A device that is stolen from somebody who moves away: its key is revoked at the new home, and must not stay a key at
//! the old one for ever.

use std::sync::Arc;

use clap::Parser as _;
use kez_chat_server::clock::SystemClock;
use kez_core::sigchain::Body;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;

use crate::chains::owner::{Owner, sign};
use crate::harness::{Answer, Server, key, name};

const ELSEWHERE: &str = "elsewhere.test";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// A sigchain server of another name, where any chain may start.
async fn new_home() -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("sig.db");
    let flags = ["kez-sig-server", "--server", ELSEWHERE, "--db", db.to_str().expect("UTF-8")];
    let flags = flags.iter().chain(&["--open-genesis-per-hour", "10"]);
    let config = kez_sig_server::config::Config::try_parse_from(flags).expect("good flags");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let never = std::future::pending();
        kez_sig_server::run(&config, Arc::new(SystemClock), listener, never).await.expect("it runs");
    });
    (base, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_new_home_revoked_is_revoked_at_the_old_one() {
    let server = Server::start().await;
    let (home, _folder) = new_home().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (stolen, kept) = (key(3), key(4));
    for device in [&stolen, &kept] {
        let event = owner.device(device);
        owner.post(&server, &event).await.was(201);
    }
    let body = Body::ServerMove { from: name(), to: ELSEWHERE.parse().expect("a name") };
    let event = sign(&owner.chain.next(), &body, &owner.identity);
    owner.post(&server, &event).await.was(201);

    let at_home = async |method: Method, path: &str, body: Vec<u8>| {
        let request = server.http.request(method, format!("{home}{path}")).header(JSON[0].0, JSON[0].1).body(body);
        Answer::read(request.send().await.expect("an answer")).await
    };
    let log = server.get(&owner.path("/audit")).await.bytes;
    at_home(Method::PUT, &owner.path(""), log).await.was(201);
    let event = owner.revocation(&stolen);
    at_home(Method::POST, &owner.path("/events"), event.clone()).await.was(201);
    owner.saw(&event);

    // The old home takes no such event by itself, but the longer log, from anybody who brings it.
    owner.post(&server, &event).await.was_for(400, "invalid_event", "wrong-server");
    let devices = async || server.get(&owner.path("/state")).await.json()["devices"].clone();
    assert!(devices().await[stolen.id().to_string()].is_object());
    let log = at_home(Method::GET, &owner.path("/audit"), Vec::new()).await.bytes;
    let brought = server.send(Method::PUT, &owner.path(""), &JSON, log.clone()).await;
    brought.was(201);
    assert_eq!(brought.json(), json!({ "head": { "seq": 5, "hash": owner.head() }, "stored": 1 }));
    let left = devices().await;
    assert!(left[stolen.id().to_string()].is_null() && left[kept.id().to_string()].is_object(), "{left}");
    server.get(&format!("/v1/k/ed25519/{}", stolen.id().hex())).await.is(404, "not_found");
    assert_eq!(server.get("/v1/u/tudisco").await.json()["head"], owner.head());
    assert_eq!(server.send(Method::PUT, &owner.path(""), &JSON, log).await.json()["stored"], 0, "once");
}
