//! Chains on a sigchain server of its own, which the chat server follows and does not trust.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use axum::routing::get;
use kez_core::Hash;
use kez_core::sigchain::Place;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::elsewhere::{Remote, listen, shows};
use super::owner::Owner;
use crate::harness::{Server, key};
use crate::nats::Nats;
use crate::nats::raw::Raw;
use crate::pairings::offer;

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_follows_its_chain_elsewhere_and_the_broker_does_too() {
    let nats = Nats::start(&[]).await;
    let (listener, base) = listen().await;
    let server = nats.server(&["--sig-server-url", &base]).await;
    let remote = Remote::start(listener, &server.base).await;
    let mut owner = Owner::new(1);
    let genesis = owner.genesis();
    // The other server asks this one who has a handle.
    remote.post(&server, &mut owner, genesis.clone()).await.was(403);
    server.register("tudisco", &owner.identity).await;
    remote.post(&server, &mut owner, genesis).await.was(201);
    let (laptop, next) = (key(3), key(4));
    let event = owner.device(&laptop);
    remote.post(&server, &mut owner, event).await.was(201);
    let record = shows(&server, "tudisco", &owner.head()).await;
    assert_eq!(record["sigchain_url"], format!("{base}{}", owner.path("")));
    let mut session = Raw::login(&nats, &laptop).await;

    let event = owner.revocation(&laptop);
    remote.post(&server, &mut owner, event).await.was(201);
    assert!(session.ended_within(Duration::from_secs(5)).await, "in time, although the news came from elsewhere");
    assert!(Raw::try_login(&nats, &laptop).await.is_err());
    let event = owner.rotation(&next, &owner.recovery);
    remote.post(&server, &mut owner, event).await.was(201);
    let record = shows(&server, "tudisco", &owner.head()).await;
    assert_eq!(record["primary"], next.id().to_string());
    server.get(&owner.path("/head")).await.is(404, "not_found");
    // A key that has a handle here comes into no other chain there.
    let plain = key(22);
    server.register("plain", &plain).await;
    let place = owner.chain.next();
    let event = owner.rotation_at(&place, &plain, &owner.recovery);
    let refused = remote.post(&server, &mut owner, event).await;
    assert_eq!((refused.status, &refused.json()["reason"]), (400, &json!("key-reuse")));
}

/// A server that says whatever the test wants: its log of all chains, and one audit log for every chain.
#[derive(Clone, Default)]
struct Liar(Arc<Mutex<(String, String)>>);

impl Liar {
    async fn start(self, listener: TcpListener) {
        let log = async |State(liar): State<Liar>| liar.0.lock().await.0.clone();
        let audit =
            async |State(liar): State<Liar>, Path(_): Path<String>| liar.0.lock().await.1.clone().into_response();
        let router = Router::new().route("/v1/export", get(log));
        let router = router.route("/v1/sigchains/ed25519/{hex}/audit", get(audit)).with_state(self);
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// The log has this many entries now, all of this owner's chain, whose audit log is `events`.
    async fn says(&self, owner: &Owner, events: &[Vec<u8>], log_index: usize) {
        let entries: Vec<Value> = events
            .iter()
            .map(|event| {
                let event: Value = serde_json::from_slice(event).expect("JSON");
                json!({ "event": event, "received_at": "2026-05-25T03:00:00Z" })
            })
            .collect();
        let chain = owner.chain.id().to_string();
        let log = format!("{{\"log_index\":{log_index},\"chain\":\"{chain}\",\"event\":{{}},\"received_at\":\"x\"}}\n");
        *self.0.lock().await = (log, json!({ "chain": chain, "entries": entries }).to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_is_not_followed() {
    let (listener, base) = listen().await;
    let liar = Liar::default();
    liar.clone().start(listener).await;
    let server = Server::start_with(&["--sig-server-url", &base]).await;
    let mut owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    let genesis = owner.genesis();
    owner.saw(&genesis);
    let device = owner.device(&key(3));
    liar.says(&owner, std::slice::from_ref(&genesis), 1).await;
    let good = shows(&server, "tudisco", &owner.head()).await;

    let stays = async |events: &[Vec<u8>], log_index: usize, why: &str| {
        liar.says(&owner, events, log_index).await;
        // Followed or not, the log was read up to there.
        let read = async {
            let path = server.db();
            loop {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).read_only(true);
                let mut db = sqlx::ConnectOptions::connect(&options).await.expect("a connection");
                let index: i64 =
                    sqlx::query_scalar("SELECT log_index FROM followed").fetch_one(&mut db).await.expect("a row");
                if usize::try_from(index) == Ok(log_index) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("the log is read");
        assert_eq!(server.get("/v1/u/tudisco").await.json(), good, "{why}");
    };
    let mut forged = String::from_utf8(device.clone()).expect("UTF-8");
    forged = forged.replace(&key(3).id().hex(), &key(4).id().hex());
    stays(&[genesis.clone(), forged.into_bytes()], 2, "a signature that is none").await;
    stays(&[device.clone(), genesis.clone()], 3, "another order").await;
    let mut other = Owner::new(1);
    other.recovery = key(9);
    let another = other.genesis();
    stays(&[another], 4, "another beginning of the same chain").await;
    stays(&[], 5, "nothing any more").await;
    assert_eq!(server.get("/v1/readyz").await.status, 200, "it answers");

    // Once it says the truth, it is followed.
    let head = {
        owner.saw(&device);
        owner.head()
    };
    liar.says(&owner, &[genesis, device], 6).await;
    shows(&server, "tudisco", &head).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_paired_at_the_head_that_was_followed() {
    let (listener, base) = listen().await;
    let server = Server::start_with(&["--sig-server-url", &base]).await;
    let remote = Remote::start(listener, &server.base).await;
    let mut owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    let pair = async |place: &Place| server.post("/v1/pairings", offer(place, &key(5)).to_string()).await;
    let genesis = owner.genesis();
    let begun = Place { chain: owner.chain.id(), seq: 2, prev: Some(Hash::of(&genesis)) };
    pair(&begun).await.is(404, "not_found");
    remote.post(&server, &mut owner, genesis).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    pair(&begun).await.was(201);
    let event = owner.device(&key(6));
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    pair(&begun).await.is(409, "chain_conflict");
    pair(&owner.chain.next()).await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_follow_their_chain_elsewhere() {
    let (listener, base) = listen().await;
    let server = Server::start_with(&["--sig-server-url", &base]).await;
    let remote = Remote::start(listener, &server.base).await;
    let mut owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    let genesis = owner.genesis();
    remote.post(&server, &mut owner, genesis).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    let claims = async || server.get("/v1/u/tudisco/claims").await.json()["claims"].clone();
    assert_eq!(claims().await, json!([]));
    let event = owner.claim("dns", "example.org", "dns:_kez.example.org?type=TXT");
    remote.post(&server, &mut owner, event).await.was(201);
    let id = owner.head();
    shows(&server, "tudisco", &id).await;
    let shown = claims().await;
    assert_eq!((&shown[0]["id"], &shown[0]["subject"]), (&json!(id), &json!("example.org")));
    assert_eq!(
        (&shown[0]["state"], &shown[0]["proof"]),
        (&json!("unchecked"), &json!("dns:_kez.example.org?type=TXT"))
    );
    // Others' claims are others', and a second one joins the first.
    let mut other = Owner::new(11);
    server.register("other", &other.identity).await;
    let genesis = other.genesis();
    remote.post(&server, &mut other, genesis).await.was(201);
    let event = owner.claim("tea", "pot", "kettle");
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    assert_eq!(claims().await.as_array().map(Vec::len), Some(2));
    shows(&server, "other", &other.head()).await;
    assert_eq!(server.get("/v1/u/other/claims").await.json()["claims"], json!([]));
    let event = owner.unclaim(&id);
    remote.post(&server, &mut owner, event).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    let left = claims().await;
    assert_eq!((left.as_array().map(Vec::len), &left[0]["subject"]), (Some(1), &json!("pot")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_wants_a_token_is_followed_with_it_alone() {
    let token = "0123456789abcdef";
    let (listener, base) = listen().await;
    let server = Server::start_with(&["--sig-server-url", &base, "--sig-server-token", token]).await;
    let keyless = Server::start_with(&["--sig-server-url", &base]).await;
    let flags = ["--export", "token", "--export-token", token];
    let remote = Remote::start_with(listener, &server.base, &flags).await;
    let mut owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    keyless.register("tudisco", &owner.identity).await;
    let genesis = owner.genesis();
    remote.post(&server, &mut owner, genesis).await.was(201);
    shows(&server, "tudisco", &owner.head()).await;
    let failing = async {
        while keyless.get("/v1/readyz").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), failing).await.expect("it notices");
    assert_eq!(keyless.get("/v1/u/tudisco").await.json()["head"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_other_server_lookups_go_on_and_readiness_says_so() {
    let (listener, base) = listen().await;
    drop(listener);
    let server = Server::start_with(&["--sig-server-url", &base]).await;
    server.register("tudisco", &key(1)).await;
    let failing = async {
        loop {
            let ready = server.get("/v1/readyz").await;
            if ready.status == 503 {
                return ready;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ready = tokio::time::timeout(Duration::from_secs(10), failing).await.expect("it notices");
    assert_eq!(ready.json()["checks"]["sigchain"], "failed");
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
}
