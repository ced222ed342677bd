//! Releasing, and what happens to a handle afterwards.

use serde_json::json;

use crate::harness::{NAME, Server, key};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_released_handle_is_gone_everywhere() {
    let server = Server::start().await;
    let owner = key(1);
    server.register("tudisco", &owner).await;
    // In memory before the release, so that a stale answer would show.
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
    server.clock.advance(60);
    let answer = server.post("/v1/release", server.release("tudisco", &owner)).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"handle": "tudisco", "released_at": "2026-05-25T03:01:00Z"}))
    );

    for path in ["/v1/u/tudisco", "/v1/u/tudisco", "/v1/u/tudisco/registration"] {
        server.get(path).await.is(410, "gone");
    }
    server.get(&format!("/v1/k/ed25519/{}", owner.id().hex())).await.is(404, "not_found");
    server.get(&format!("/.well-known/webfinger?resource=acct:tudisco@{NAME}")).await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_a_release_come_in_order() {
    let server = Server::start().await;
    let (owner, other) = (key(1), key(2));
    server.post("/v1/release", server.release("tudisco", &owner)).await.is(404, "not_found");
    server.register("tudisco", &owner).await;
    server.post("/v1/release", server.release("tudisco", &other)).await.is(400, "key_mismatch");
    let release = server.release("tudisco", &owner);
    assert_eq!(server.post("/v1/release", release.clone()).await.status, 200);
    server.post("/v1/release", release).await.is(409, "replayed");
    server.clock.advance(1);
    server.post("/v1/release", server.release("tudisco", &owner)).await.is(410, "gone");
    // A registration is no release, whatever the path says.
    server.post("/v1/release", server.registration("tudisco", &owner)).await.is(400, "malformed_envelope");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_release_cannot_be_played_again() {
    let server = Server::start().await;
    let owner = key(1);
    server.register("tudisco", &owner).await;
    let release = server.release("tudisco", &owner);
    assert_eq!(server.post("/v1/release", release.clone()).await.status, 200);
    server.clock.advance(1);
    server.register("tudisco", &owner).await;
    server.post("/v1/release", release).await.is(409, "replayed");
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_handle_is_held_for_its_last_key() {
    let server = Server::start_with(&["--release-hold-days", "2"]).await;
    let (owner, other) = (key(1), key(2));
    server.register("tudisco", &owner).await;
    assert_eq!(server.post("/v1/release", server.release("tudisco", &owner)).await.status, 200);
    server.clock.advance(2 * DAY - 1);
    server.post("/v1/register", server.registration("tudisco", &other)).await.is(409, "handle_taken");
    // The key itself need not wait, and may take another handle too.
    server.register("tudisco", &owner).await;
    assert_eq!(server.post("/v1/release", server.release("tudisco", &owner)).await.status, 200);
    server.register("second", &owner).await;
    server.clock.advance(2 * DAY);
    server.register("tudisco", &other).await;
    assert_eq!(server.get("/v1/u/tudisco").await.json()["primary"], other.id().to_string());
}
