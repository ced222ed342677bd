//! Registering and looking up.

use kez_core::registration::{Expected, Statement};
use serde_json::json;

use crate::harness::{NAME, Server, handle, key, name};

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_stored_served_and_provable() {
    let server = Server::start().await;
    let key = key(1);
    let envelope = server.registration("tudisco", &key);
    let record = json!({
        "handle": "tudisco", "fqhn": format!("tudisco@{NAME}"), "primary": key.id().to_string(),
        "sigchain_url": format!("https://{NAME}/v1/sigchains/ed25519/{}", key.id().hex()),
        "registered_at": "2026-05-25T03:00:07Z", "chain": key.id().to_string(), "head": null, "active": true,
    });
    server.clock.advance(7);
    let answer = server.post("/v1/register", envelope.clone()).await;
    assert_eq!((answer.status, answer.header("location")), (201, "/v1/u/tudisco"));
    assert_eq!(answer.json(), record);

    // Asked twice: from the database, then from memory.
    for path in ["/v1/u/tudisco", "/v1/u/tudisco", "/v1/u/TuDisco", &format!("/v1/k/ed25519/{}", key.id().hex())] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{path}");
        assert_eq!(answer.json(), record, "{path}");
    }
    let proof = server.get("/v1/u/tudisco/registration").await;
    assert_eq!((proof.status, &proof.bytes), (200, &envelope));
    let expected = Expected { handle: &handle("tudisco"), primary: key.id(), server: &name() };
    expected.verify(&proof.bytes).expect("the served registration proves itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_cacheable() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    for path in ["/v1/u/tudisco", "/v1/u/tudisco/registration"] {
        let first = server.get(path).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10, "{etag}");
        assert_eq!(first.header("cache-control"), "public, max-age=60");
        for held in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let again = server.send(reqwest::Method::GET, path, &[("if-none-match", &held)], Vec::new()).await;
            assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, &*etag), "{held}");
        }
        let other = server.send(reqwest::Method::GET, path, &[("if-none-match", "\"other\"")], Vec::new()).await;
        assert_eq!(other.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_is_safe_and_a_replay_is_not() {
    let server = Server::start().await;
    let key = key(1);
    let first = server.registration("tudisco", &key);
    assert_eq!(server.post("/v1/register", first.clone()).await.status, 201);
    server.clock.advance(5);
    // The same bytes, the same envelope spelt otherwise, and a new envelope: all find the record as it was.
    let spaced = serde_json::to_vec_pretty(&serde_json::from_slice::<serde_json::Value>(&first).expect("JSON"));
    let second = server.registration("tudisco", &key);
    for body in [first.clone(), spaced.expect("JSON"), second.clone()] {
        let answer = server.post("/v1/register", body).await;
        assert_eq!((answer.status, answer.header("location")), (200, "/v1/u/tudisco"));
        assert_eq!(answer.json()["registered_at"], "2026-05-25T03:00:00Z");
    }
    assert_eq!(server.post("/v1/release", server.release("tudisco", &key)).await.status, 200);
    // Both count as seen, the one that made the registration and the one that found it.
    for body in [first, second] {
        server.post("/v1/register", body).await.is(409, "replayed");
    }
    // The envelope of this very second was used; the next second's is new.
    server.clock.advance(1);
    assert_eq!(server.post("/v1/register", server.registration("tudisco", &key)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_handle_a_key_and_one_key_a_handle() {
    let server = Server::start().await;
    server.register("alice", &key(1)).await;
    server.post("/v1/register", server.registration("alice", &key(2))).await.is(409, "handle_taken");
    server.post("/v1/register", server.registration("alice2", &key(1))).await.is(409, "key_already_registered");
    // A taken handle is said before a taken key.
    server.register("bob", &key(2)).await;
    server.post("/v1/register", server.registration("alice", &key(2))).await.is(409, "handle_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_and_the_name_are_checked() {
    let server = Server::start().await;
    let at = |seconds| {
        let now = kez_chat_server::clock::Clock::now(&*server.clock).unix();
        let created_at = kez_core::Timestamp::from_unix(now + seconds);
        Statement::registration(handle("tudisco"), name(), created_at).sign(&key(1))
    };
    for seconds in [-301, 301] {
        let answer = server.post("/v1/register", at(seconds)).await;
        answer.is(400, "stale_timestamp");
        assert_eq!(answer.json()["server_time"], "2026-05-25T03:00:00Z");
    }
    let elsewhere = Statement::registration(
        handle("tudisco"),
        "evil.example".parse().expect("a name"),
        kez_chat_server::clock::Clock::now(&*server.clock),
    );
    server.post("/v1/register", elsewhere.sign(&key(1))).await.is(400, "wrong_server");
    server.post("/v1/register", server.registration("admin", &key(1))).await.is(403, "reserved_handle");
    assert_eq!(server.post("/v1/register", at(-300)).await.status, 201);
}
