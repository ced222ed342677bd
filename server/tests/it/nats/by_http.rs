//! `POST /internal/nats/auth`: the callout's answers without a broker in between.

use kez_core::nkey::NkeyKind;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Nats, jwt};
use crate::conformance::document::Document;
use crate::harness::{Answer, Server, key};

const PATH: &str = "/internal/nats/auth";
const TOKEN: &str = "0123456789abcdef0123";

/// A broker and a server with the internal path.
async fn with_path() -> (Nats, Server) {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&["--internal-token", TOKEN]).await;
    server.register("tudisco", &key(1)).await;
    (nats, server)
}

async fn ask(server: &Server, body: impl Into<Vec<u8>>) -> Answer {
    let authorization = format!("Bearer {TOKEN}");
    server.send(Method::POST, PATH, &[("authorization", &authorization)], body.into()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_is_no_such_path() {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&[]).await;
    ask(&server, "a.b.c").await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_opens_the_path() {
    let (nats, server) = with_path().await;
    let request = jwt::signed(&jwt::request(&nats, &key(1)), &jwt::broker());
    let longer = format!("Bearer {TOKEN}4");
    let shorter = format!("Bearer {}", &TOKEN[..19]);
    let basic = format!("Basic {TOKEN}");
    for wrong in ["", "Bearer", "Bearer ", TOKEN, &longer, &shorter, &basic, "Bearer 0123456789abcdef0124"] {
        let headers = [("authorization", wrong)];
        let headers = if wrong.is_empty() { &headers[..0] } else { &headers[..] };
        let answer = server.send(Method::POST, PATH, headers, request.clone().into()).await;
        answer.is(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{wrong}");
    }
    let lower = format!("bearer {TOKEN}");
    let headers = [("authorization", lower.as_str())];
    assert_eq!(server.send(Method::POST, PATH, &headers, request.into()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_answers_as_the_callout_does() {
    let (nats, server) = with_path().await;
    let issuer = crate::init::public(&nats.out, "issuer");
    let answered = async |claims: &Value| {
        let answer = ask(&server, jwt::signed(claims, &jwt::broker())).await;
        let media_type = answer.header("content-type").to_owned();
        assert_eq!((answer.status, media_type.as_str()), (200, "application/jwt"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let response = jwt::opened(std::str::from_utf8(&answer.bytes).expect("a JWT"), &issuer);
        assert_eq!((&response["sub"], &response["aud"]), (&claims["nats"]["user_nkey"], &claims["iss"]));
        assert_eq!(response["iss"], issuer);
        response["nats"].clone()
    };
    let yes = answered(&jwt::request(&nats, &key(1))).await;
    let user = jwt::opened(yes["jwt"].as_str().expect("a JWT"), &issuer);
    assert_eq!((&user["name"], &user["aud"]), (&json!("tudisco"), &json!("USERS")));
    assert!(yes.get("error").is_none() && yes.get("issuer_account").is_none(), "{yes}");
    let no = answered(&jwt::request(&nats, &key(2))).await;
    assert!(no["error"].is_string() && no.get("jwt").is_none(), "{no}");
    let mut unproven = jwt::request(&nats, &key(1));
    unproven["nats"]["client_info"]["nonce"] = json!("bM28yb1GkNEYbdQ");
    let no = answered(&unproven).await;
    assert!(no["error"].is_string() && no.get("jwt").is_none(), "{no}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_deserves_no_answer_is_a_bad_request() {
    let (nats, server) = with_path().await;
    let good = jwt::request(&nats, &key(1));
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        jwt::signed(&claims, &jwt::broker())
    };
    let account = jwt::text(NkeyKind::Account, &jwt::raw_key(60));
    let cases = [
        ("undecodable", "no JWT".to_owned()),
        ("undecodable", String::new()),
        ("undecodable", jwt::with_header(r#"{"typ":"JWT","alg":"none"}"#, &good, &jwt::broker())),
        ("undecodable", with("nats", json!({}))),
        ("forged", jwt::signed(&good, &jwt::raw_key(41))),
        ("forged", with("iss", json!(account))),
        ("wrong_audience", with("aud", json!("nats-authorization-response"))),
        ("wrong_subject", with("sub", json!(account))),
        ("no_expiry", with("exp", Value::Null)),
        ("late", with("exp", json!(server_now(&server)))),
    ];
    for (why, body) in cases {
        let answer = ask(&server, body).await;
        answer.is(400, "invalid_request");
        assert!(answer.json()["detail"].as_str().expect("a detail").contains(why), "{why}: {}", answer.json());
    }
    assert_eq!(ask(&server, jwt::signed(&good, &jwt::broker())).await.status, 200);
    ask(&server, "x".repeat(16 * 1024 + 1)).await.is(413, "payload_too_large");
}

fn server_now(server: &Server) -> i64 {
    kez_chat_server::clock::Clock::now(&*server.clock).unix()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_has_one_method_and_readiness_shows_the_broker() {
    let (_nats, server) = with_path().await;
    let options = server.send(Method::OPTIONS, PATH, &[], Vec::new()).await;
    assert_eq!((options.status, options.header("allow")), (204, "POST, OPTIONS"));
    assert_eq!(options.header("access-control-allow-origin"), "", "no page's business");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = server.send(method, PATH, &[], Vec::new()).await;
        answer.is(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
    let ready = server.get("/v1/readyz").await.json();
    assert_eq!(server.get("/v1/server").await.json()["chat"], true, "there is a broker");
    let checks = json!({ "database": "ok", "nats": "ok", "sigchain": "ok" });
    assert_eq!((&ready["status"], &ready["checks"]), (&json!("ready"), &checks));
    let alone = Server::start().await;
    assert_eq!(alone.get("/v1/readyz").await.json()["checks"]["nats"], "off");
    assert_eq!(alone.get("/v1/server").await.json()["chat"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_the_path_and_its_token() {
    let (nats, server) = with_path().await;
    let document = Document::of(&server).await;
    assert_eq!(document.0["components"]["securitySchemes"]["internal"]["scheme"], "bearer");
    assert_eq!(document.0["paths"][PATH]["post"]["security"], json!([{"internal": []}]));
    let request = jwt::signed(&jwt::request(&nats, &key(1)), &jwt::broker());
    let unproven = server.send(Method::POST, PATH, &[], request.clone().into()).await;
    for (status, answer) in [
        (200, ask(&server, request).await),
        (400, ask(&server, "no JWT").await),
        (401, unproven),
        (413, ask(&server, vec![b'a'; 17_000]).await),
    ] {
        assert_eq!(answer.status, status);
        document.check("post", PATH, &answer);
    }
    let without = Document::of(&nats.server(&[]).await).await;
    assert!(without.0["paths"].get(PATH).is_none(), "there is no such path");
}
