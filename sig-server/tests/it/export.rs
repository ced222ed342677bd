//! Who may read the log of all chains.

use reqwest::Method;

use crate::harness::{Answer, OPEN, Server};
use crate::owner::Owner;

const TOKEN: &str = "0123456789abcdef";

async fn with_bearer(server: &Server, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    server.send(Method::GET, "/v1/export", &[("authorization", &authorization)], Vec::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn off_token_or_public() {
    let public = Server::start().await;
    Owner::start(&public, 1).await;
    assert_eq!(public.get("/v1/export").await.text().lines().count(), 1);

    let off = Server::start_with(&[&OPEN[..], &["--export", "off"]].concat()).await;
    let owner = Owner::start(&off, 1).await;
    for answer in [off.get("/v1/export").await, with_bearer(&off, TOKEN).await, with_bearer(&off, "").await] {
        answer.is(404, "not_found", "");
    }
    assert_eq!(off.get(&owner.path("/audit")).await.status, 200, "each chain is still public");

    let closed = Server::start_with(&[&OPEN[..], &["--export", "token", "--export-token", TOKEN]].concat()).await;
    Owner::start(&closed, 1).await;
    let wrong = [&TOKEN[1..], "0123456789abcdeX", &format!("{TOKEN}0"), ""];
    for answer in [closed.get("/v1/export").await, closed.get("/v1/export?limit=x").await] {
        answer.is(401, "unauthorized", "");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    for token in wrong {
        with_bearer(&closed, token).await.is(401, "unauthorized", "");
    }
    assert_eq!(with_bearer(&closed, TOKEN).await.text().lines().count(), 1);
}
