//! What was acknowledged survives `kill -9`, a stop and a copy.

use crate::harness::{Answer, Server, key};
use crate::program::{Program, signed};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_registrations_survive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &[]).await;
    let http = reqwest::Client::new();
    let (base, client) = (program.base.clone(), http.clone());
    // Registers one after the other until the server is gone, and counts what was acknowledged.
    let load = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for i in 0..=250_u8 {
            let body = signed(&format!("handle{i}"), i);
            let request = client.post(format!("{base}/v1/register")).header("content-type", "application/json");
            match request.body(body).send().await {
                Ok(response) if response.status() == 201 => acknowledged.push(i),
                _ => break,
            }
        }
        acknowledged
    });
    program.wait_for_handle("handle20").await;
    program.kill();
    let acknowledged = load.await.expect("no panic");
    assert!(acknowledged.len() >= 20, "{}", acknowledged.len());

    let program = Program::start(folder.path(), &[]).await;
    for i in acknowledged {
        let response = http.get(format!("{}/v1/u/handle{i}", program.base)).send().await.expect("an answer");
        assert_eq!(Answer::read(response).await.json()["primary"], key(i).id().to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_starts_again_with_everything() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let used = server.registration("tudisco", &key(1));
    let folder = server.stop().await;
    let server = Server::start_in(folder, &[]).await;
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
    assert_eq!(server.post("/v1/release", server.release("tudisco", &key(1))).await.status, 200);
    server.post("/v1/register", used).await.is(409, "replayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_made_while_the_server_runs() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let copy = tempfile::tempdir().expect("a folder");
    let file = copy.path().join("kez.db");
    kez_store::sqlite::backup(&server.db(), &file).await.expect("a copy");
    assert!(kez_store::sqlite::backup(&server.db(), &file).await.is_err(), "a copy is never overwritten");
    server.register("later", &key(2)).await;
    let restored = Server::start_in(copy, &[]).await;
    assert_eq!(restored.get("/v1/u/tudisco").await.status, 200);
    assert_eq!(restored.get("/v1/u/later").await.status, 404);
}
