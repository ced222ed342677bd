//! Methods, preflights, headers, paths that are not there.

use reqwest::Method;
use serde_json::json;

use crate::harness::{NAME, Server};
use crate::owner::Owner;

#[tokio::test(flavor = "multi_thread")]
async fn methods_of_every_path() {
    let server = Server::start().await;
    let owner = Owner::start(&server, 1).await;
    for (path, allow) in [
        (owner.path(""), "GET, HEAD, PUT, OPTIONS"),
        (owner.path("/events"), "GET, HEAD, POST, OPTIONS"),
        (owner.path("/events/1"), "GET, HEAD, OPTIONS"),
        (owner.path("/head"), "GET, HEAD, OPTIONS"),
        (owner.path("/state"), "GET, HEAD, OPTIONS"),
        (owner.path("/audit"), "GET, HEAD, OPTIONS"),
        ("/v1/export".to_owned(), "GET, HEAD, OPTIONS"),
        ("/v1/healthz".to_owned(), "GET, HEAD, OPTIONS"),
        ("/v1/readyz".to_owned(), "GET, HEAD, OPTIONS"),
        ("/v1/server".to_owned(), "GET, HEAD, OPTIONS"),
    ] {
        let options = server.send(Method::OPTIONS, &path, &[], Vec::new()).await;
        assert_eq!((options.status, options.header("allow")), (204, allow), "{path}");
        let preflight = [("access-control-request-method", "POST"), ("origin", "https://a.example")];
        let answer = server.send(Method::OPTIONS, &path, &preflight, Vec::new()).await;
        assert_eq!(answer.header("access-control-allow-methods"), allow);
        let names = "content-type, if-match, if-none-match, authorization";
        assert_eq!(answer.header("access-control-allow-headers"), names);
        let refused = server.send(Method::DELETE, &path, &[], Vec::new()).await;
        refused.is(405, "method_not_allowed", "");
        assert_eq!(refused.header("allow"), allow);
        let got = server.get(&path).await;
        let head = server.send(Method::HEAD, &path, &[], Vec::new()).await;
        assert_eq!((head.status, head.bytes.len()), (got.status, 0), "{path}");
        for answer in [&got, &refused, &options] {
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(answer.headers.contains_key("cache-control"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_vital_signs() {
    let server = Server::start().await;
    for path in ["/", "/v1", "/v1/nothing", "/v1/sigchains", "/v1/sigchains/ed25519", "/internal/x"] {
        server.get(path).await.is(404, "not_found", "");
        assert_eq!(server.send(Method::OPTIONS, path, &[], Vec::new()).await.status, 204);
    }
    let health = server.get("/v1/healthz").await.ok(200);
    assert_eq!(health, json!({ "status": "ok", "server": NAME, "version": env!("CARGO_PKG_VERSION") }));
    let ready = server.get("/v1/readyz").await.ok(200);
    assert_eq!(ready, json!({ "status": "ready", "checks": { "database": "ok", "clock": "ok" } }));
    let info = server.get("/v1/server").await.ok(200);
    assert_eq!((&info["server"], &info["limits"]["envelope_bytes"]), (&json!(NAME), &json!(8192)));
}
