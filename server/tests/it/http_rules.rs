//! What HTTP promises on every path: methods, cross-origin use, problems instead of pages.

use reqwest::Method;
use serde_json::json;

use crate::harness::{NAME, Server, key};

const READ: &str = "GET, HEAD, OPTIONS";
const WRITE: &str = "POST, OPTIONS";

fn paths() -> Vec<(String, &'static str)> {
    let key = key(1).id().hex();
    let read =
        ["/v1/healthz", "/v1/readyz", "/v1/server", "/v1/u/tudisco", "/v1/u/tudisco/registration", "/v1/openapi.json"];
    let read = read.into_iter().map(str::to_owned);
    let read =
        read.chain([format!("/v1/k/ed25519/{key}"), format!("/.well-known/webfinger?resource=acct:tudisco@{NAME}")]);
    let write = ["/v1/register", "/v1/release", "/v1/pairings"].map(|path| (path.to_owned(), WRITE));
    read.map(|path| (path, READ)).chain(write).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn get_paths_answer_head_and_no_other_method() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    for (path, allow) in paths() {
        if allow == READ {
            let (get, head) = (server.get(&path).await, server.send(Method::HEAD, &path, &[], Vec::new()).await);
            assert_eq!((get.status, head.status), (200, 200), "{path}");
            assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
            assert!(head.bytes.is_empty() && !get.bytes.is_empty());
        }
        let wrong = if allow == READ { Method::POST } else { Method::GET };
        for method in [wrong, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = server.send(method, &path, &[], Vec::new()).await;
            answer.is(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), allow, "{path}");
        }
    }
    for page in ["/", "/register", "/identity", "/@tudisco", "/nowhere"] {
        let answer = server.send(Method::POST, page, &[], Vec::new()).await;
        assert_eq!((answer.status, answer.header("allow")), (405, READ), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_answers_options_and_preflights() {
    let server = Server::start().await;
    let pages = ["/", "/register", "/nowhere", "/v1/nowhere"].map(|path| (path.to_owned(), READ));
    for (path, allow) in paths().into_iter().chain(pages) {
        let answer = server.send(Method::OPTIONS, &path, &[], Vec::new()).await;
        assert_eq!((answer.status, answer.header("allow"), answer.bytes.len()), (204, allow, 0), "{path}");
        let headers = [("origin", "https://elsewhere.example"), ("access-control-request-method", "POST")];
        let preflight = server.send(Method::OPTIONS, &path, &headers, Vec::new()).await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-methods"), allow, "{path}");
        let names = "content-type, if-match, if-none-match, authorization";
        assert_eq!(preflight.header("access-control-allow-headers"), names);
        if path.starts_with("/v1") || path.starts_with("/.well-known") {
            assert_eq!(preflight.header("access-control-allow-origin"), "*", "{path}");
        } else {
            assert_eq!(preflight.header("access-control-allow-origin"), "", "pages are for their own origin");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_problems_are_for_every_origin() {
    let server = Server::start().await;
    for path in ["/v1/healthz", "/v1/u/nobody", "/v1/nowhere", "/.well-known/nowhere", "/.well-known/webfinger"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_api_paths_are_problems_and_never_pages() {
    let server = Server::start().await;
    let long = format!("/v1/u/{}", "a".repeat(4_000));
    for path in [
        "/v1",
        "/v1/",
        "/v1/nowhere",
        "/v1/healthz/",
        "/v1/healthz/x",
        "/v1/u",
        "/v1/u/",
        "/v1/u/ab",
        "/v1/u/a%00b",
        "/v1/u/%ff%fe",
        "/v1/u/a%2fb",
        "/v1/u/tudisco/",
        "/v1/u/tudisco/x",
        "/v1/u/..%2f..%2fetc",
        "/v1/k",
        "/v1/k/ed25519",
        "/v1/k/ed25519/00",
        "/v1/k/rsa/00",
        "/v1/k/%ff/%ff",
        "/v1//server",
        "//v1/server",
        "/internal",
        "/internal/",
        "/internal/nats/auth",
        "/.well-known",
        "/.well-known/",
        "/.well-known/other",
        "/.well-known/webfinger/x",
        &long,
    ] {
        let answer = server.get(path).await;
        if path == "//v1/server" {
            assert_eq!(answer.status, 404, "not an API path, and no page either");
            continue;
        }
        answer.is(404, "not_found");
        let posted = server.post(path, "{}").await;
        assert!(matches!(posted.code().as_str(), "not_found" | "method_not_allowed"), "{path}");
    }
    let upper = format!("/v1/k/ed25519/{}", key(1).id().hex().to_uppercase());
    server.get(&upper).await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_about_itself() {
    let server =
        Server::start_with(&["--public-url", "https://chat.kez.test", "--sig-server-url", "https://sig.kez.test/"])
            .await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(server.get("/v1/healthz").await.json(), json!({"status": "ok", "server": NAME, "version": version}));
    // Not of the server above, whose sigchain server is nowhere: it may have noticed already.
    assert_eq!(
        Server::start().await.get("/v1/readyz").await.json(),
        json!({"status": "ready", "checks": {"database": "ok", "nats": "off", "sigchain": "ok"}})
    );
    assert_eq!(
        server.get("/v1/server").await.json(),
        json!({"server": NAME, "version": version, "time": "2026-05-25T03:00:00Z", "registration": "open",
            "limits": {"body_bytes": 16384, "envelope_bytes": 8192, "clock_skew_secs": 300}, "nats_ws_url": null,
            "nats_issuer": null, "chat": false, "sig_server_url": "https://sig.kez.test", "receipt_key": null, "previous_receipt_keys": []})
    );
    server.register("tudisco", &key(1)).await;
    let links =
        server.get(&format!("/.well-known/webfinger?resource=acct:tudisco@{NAME}")).await.json()["links"].clone();
    assert_eq!(links[0]["href"], "https://chat.kez.test/v1/u/tudisco");
    assert!(links[2]["href"].as_str().expect("a link").starts_with("https://sig.kez.test/v1/sigchains/ed25519/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_behind_a_trusted_proxy_are_limited() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8", "--reads-per-second", "1"]).await;
    let ask =
        async |address| server.send(Method::GET, "/v1/healthz", &[("x-forwarded-for", address)], Vec::new()).await;
    let mut refused = 0;
    for _ in 0..5 {
        let answer = ask("198.51.100.7").await;
        if answer.status != 200 {
            answer.is(429, "rate_limited");
            refused += 1;
        }
    }
    assert!(refused >= 2, "{refused}");
    assert_eq!(ask("198.51.100.8").await.status, 200);
    assert_eq!(server.get("/v1/healthz").await.status, 200, "the machine itself is not limited");
}
