//! A directory of everybody who has a chain: the log of all chains names their keys, and lookups by key name the rest.

use reqwest::Method;

use crate::chains::owner::Owner;
use crate::harness::Server;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_lists_who_has_a_chain_unless_the_operator_lets_them() {
    let server = Server::start().await;
    Owner::start(&server, "tudisco", 1).await;
    for (method, path) in
        [(Method::GET, "/v1/export"), (Method::HEAD, "/v1/export"), (Method::GET, "/v1/export?after=0")]
    {
        let answer = server.send(method, path, &[("authorization", "Bearer 0123456789abcdef")], Vec::new()).await;
        answer.was(404);
    }
    server.get("/v1/export").await.is(404, "not_found");

    let token = "0123456789abcdef";
    let server = Server::start_with(&["--export", "token", "--export-token", token]).await;
    Owner::start(&server, "tudisco", 1).await;
    let bearer = async |token: &str| {
        let authorization = format!("Bearer {token}");
        server.send(Method::GET, "/v1/export", &[("authorization", &authorization)], Vec::new()).await
    };
    server.get("/v1/export").await.is(401, "unauthorized");
    for wrong in ["", "0123456789abcde", "0123456789abcdeX", "0123456789abcdef0"] {
        bearer(wrong).await.is(401, "unauthorized");
    }
    let log = bearer(token).await;
    log.was(200);
    assert_eq!(log.bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
}
