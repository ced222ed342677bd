//! Hot reads against axum serving the same bytes from memory.

use std::time::Duration;

use crate::load::{self, Connection};
use crate::target;
use crate::{ROUNDS, report};

const CONNECTIONS: usize = 32;
const TIME: Duration = Duration::from_millis(1_500);

pub(crate) async fn lookups() {
    compare("GET /v1/u/{handle}, hot", b"GET /v1/u/tudisco HTTP/1.1\r\nhost: bench.test\r\n\r\n", "application/json")
        .await;
}

pub(crate) async fn webfinger() {
    let request =
        b"GET /.well-known/webfinger?resource=acct%3Atudisco%40bench.test HTTP/1.1\r\nhost: bench.test\r\n\r\n";
    compare("WebFinger, hot", request, "application/jrd+json").await;
}

async fn compare(figure: &str, request: &'static [u8], content_type: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours(folder.path()).await;
    let mut connection = Connection::open(&ours.address).await;
    assert_eq!(connection.ask(&target::registration("tudisco", 1)).await.0, 201);
    let (status, body) = connection.ask(request).await;
    assert_eq!(status, 200);
    let limit = target::bare_axum(folder.path(), &body, content_type).await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let measured = load::same(&ours.address, request, CONNECTIONS, TIME).await;
        rounds.push((measured, load::same(&limit.address, request, CONNECTIONS, TIME).await));
    }
    report(figure, "answers/s", &rounds);
}
