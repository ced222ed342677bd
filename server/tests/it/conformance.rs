//! Every answer conforms to the OpenAPI document, and every route is in it.

pub(crate) mod document;
mod refusals;

use kez_chat_server::clock::Clock as _;
use kez_core::key_packages::Upload;
use reqwest::Method;
use serde_json::json;

use crate::chains::owner::Owner;
use crate::conversations;
use crate::harness::{NAME, Server, key};
use crate::instances;
use crate::keypackages;
use crate::pairings::offer;
use document::Document;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_conforms() {
    let server = Server::start().await;
    let document = Document::of(&server).await;
    assert!(document.0["openapi"].as_str().expect("a version").starts_with("3.1"));
    let key = key(1);
    assert!(document.takes("post", "/v1/register", &server.registration("tudisco", &key)));
    assert!(!document.takes("post", "/v1/register", &server.release("tudisco", &key)), "the type is another");
    assert!(document.takes("post", "/v1/release", &server.release("tudisco", &key)));
    let created = server.register("tudisco", &key).await;
    document.check("post", "/v1/register", &created);
    let again = server.post("/v1/register", server.registration("tudisco", &key)).await;
    assert_eq!(again.status, 200);
    document.check("post", "/v1/register", &again);
    document.check("post", "/v1/register", &server.post("/v1/register", "{").await);
    server.clock.advance(1_000);
    let stale = server.post("/v1/register", {
        server.clock.advance(-1_000);
        let body = server.registration("other", &crate::harness::key(2));
        server.clock.advance(1_000);
        body
    });
    let stale = stale.await;
    assert_eq!(stale.code(), "stale_timestamp");
    document.check("post", "/v1/register", &stale);

    let hex = key.id().hex();
    for (template, path) in [
        ("/v1/healthz", "/v1/healthz"),
        ("/v1/readyz", "/v1/readyz"),
        ("/v1/server", "/v1/server"),
        ("/v1/openapi.json", "/v1/openapi.json"),
        ("/v1/u/{handle}", "/v1/u/tudisco"),
        ("/v1/u/{handle}", "/v1/u/nobody"),
        ("/v1/u/{handle}/registration", "/v1/u/tudisco/registration"),
        ("/v1/u/{handle}/registration", "/v1/u/nobody/registration"),
        ("/v1/u/{handle}/claims", "/v1/u/tudisco/claims"),
        ("/v1/u/{handle}/claims", "/v1/u/nobody/claims"),
        ("/v1/k/{suite}/{hex}", &format!("/v1/k/ed25519/{hex}")),
        ("/v1/k/{suite}/{hex}", "/v1/k/ed25519/00"),
        ("/.well-known/webfinger", &format!("/.well-known/webfinger?resource=acct:tudisco@{NAME}")),
        ("/.well-known/webfinger", "/.well-known/webfinger"),
    ] {
        document.check("get", template, &server.get(path).await);
    }
    let etag = server.get("/v1/u/tudisco").await.header("etag").to_owned();
    let held = server.send(Method::GET, "/v1/u/tudisco", &[("if-none-match", &etag)], Vec::new()).await;
    document.check("get", "/v1/u/{handle}", &held);
    document.check("post", "/v1/release", &server.post("/v1/release", server.release("tudisco", &key)).await);
    document.check("get", "/v1/u/{handle}", &server.get("/v1/u/tudisco").await);
    let gone = server.get("/v1/u/tudisco/claims").await;
    gone.is(410, "gone");
    document.check("get", "/v1/u/{handle}/claims", &gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_about_chains_conforms() {
    let server = Server::start_with(&["--export", "public"]).await;
    let document = Document::of(&server).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let chain = "/v1/sigchains/ed25519/{hex}";
    let template = |rest: &str| format!("{chain}{rest}");
    let (events, stranger) = (template("/events"), Owner::new(7));
    let device = owner.device(&key(3));
    for event in [owner.genesis(), device.clone(), owner.revocation(&key(3)), owner.deactivation()] {
        assert!(document.takes("post", &events, &event), "{}", String::from_utf8_lossy(&event));
    }
    assert!(!document.takes("post", &events, &server.registration("tudisco", &key(1))));
    document.check("post", &events, &owner.post(&server, &device).await);
    document.check("post", &events, &server.post(&owner.path("/events"), device.clone()).await);
    let old = owner.device(&key(4));
    let newer = owner.device(&key(5));
    owner.post(&server, &newer).await.was(201);
    let conflict = server.post(&owner.path("/events"), old).await;
    conflict.is(409, "chain_conflict");
    document.check("post", &events, &conflict);
    let refused = server.post(&stranger.path("/events"), stranger.genesis()).await;
    assert_eq!(refused.status, 403);
    document.check("post", &events, &refused);

    for (rest, query) in [
        ("", ""),
        ("/head", ""),
        ("/state", ""),
        ("/state", "?at_seq=1"),
        ("/state", "?at_seq=9"),
        ("/events", "?after=1&limit=1"),
        ("/events", "?limit=x"),
        ("/audit", ""),
    ] {
        let answer = server.get(&owner.path(&format!("{rest}{query}"))).await;
        document.check("get", &template(rest), &answer);
        document.check("get", &template(rest), &server.get(&stranger.path(rest)).await);
    }
    document.check("get", &template("/events/{seq}"), &server.get(&owner.path("/events/2")).await);
    document.check("get", &template("/events/{seq}"), &server.get(&owner.path("/events/two")).await);
    let held = format!("\"{}\"", owner.head());
    let unchanged = server.send(Method::GET, &owner.path("/head"), &[("if-none-match", &held)], Vec::new()).await;
    assert_eq!(unchanged.status, 304);
    document.check("get", &template("/head"), &unchanged);
    let log = server.get(&owner.path("/audit")).await.bytes;
    let imported =
        server.send(Method::PUT, &owner.path(""), &[("content-type", "application/json")], log.clone()).await;
    imported.was(200);
    document.check("put", chain, &imported);
    let refused =
        server.send(Method::PUT, &stranger.path(""), &[("content-type", "application/json")], log.clone()).await;
    refused.was_for(403, "key_not_authorised", "key-not-authorised");
    document.check("put", chain, &refused);
    let other = Owner::start(&server, "other", 21).await;
    let broken = server.send(Method::PUT, &other.path(""), &[("content-type", "application/json")], log).await;
    broken.was_for(400, "invalid_event", "wrong-chain");
    document.check("put", chain, &broken);
    for (kind, subject) in [("dns", "example.org"), ("dns", "Not One"), ("tea", "pot")] {
        let claim = owner.claim(kind, subject, "elsewhere");
        owner.post(&server, &claim).await.was(201);
    }
    let claims = server.get("/v1/u/tudisco/claims").await;
    assert_eq!(claims.json()["claims"].as_array().map(Vec::len), Some(3));
    document.check("get", "/v1/u/{handle}/claims", &claims);
    assert_eq!(server.get("/v1/export").await.header("content-type"), "application/x-ndjson");
    assert!(
        document.0["paths"]["/v1/export"]["get"]["responses"]["200"]["content"]["application/x-ndjson"].is_object()
    );
    document.check("get", "/v1/export", &server.get("/v1/export?limit=x").await);
    let off = Server::start().await;
    document.check("get", "/v1/export", &off.get("/v1/export").await);
    let token = Server::start_with(&["--export", "token", "--export-token", "0123456789abcdef"]).await;
    document.check("get", "/v1/export", &token.get("/v1/export").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_about_pairings_conforms() {
    let server = Server::start().await;
    let document = Document::of(&server).await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    let made = offer(&owner.chain.next(), &key(3)).to_string();
    assert!(document.takes("post", "/v1/pairings", made.as_bytes()));
    let opened = server.post("/v1/pairings", made.clone()).await;
    opened.was(201);
    document.check("post", "/v1/pairings", &opened);
    document.check("post", "/v1/pairings", &server.post("/v1/pairings", "{}").await);
    let (path, template) = (opened.header("location"), "/v1/pairings/{code}");
    let bearer = format!("Bearer {}", opened.json()["secret"].as_str().expect("a secret"));
    document.check("get", template, &server.get(path).await);
    for (method, name) in [(Method::PUT, "put"), (Method::DELETE, "delete")] {
        let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
        let refused = server.send(method.clone(), path, &headers[..1], made.clone().into()).await;
        refused.is(401, "unauthorized");
        document.check(name, template, &refused);
        let changed = server.send(method, path, &headers, made.clone().into()).await;
        assert!(matches!(changed.status, 200 | 204), "{name}");
        document.check(name, template, &changed);
    }
    let gone = server.get(path).await;
    gone.is(404, "not_found");
    document.check("get", template, &gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_about_key_packages_conforms() {
    let server = Server::start().await;
    let document = Document::of(&server).await;
    server.register("tudisco", &key(1)).await;
    server.register("another", &key(2)).await;
    let (alice, now) = (key(1).id(), server.clock.now());
    let upload = Upload { last_resort: Some(keypackages::package(9)), ..keypackages::packages(alice, now, [1]) };
    let upload = upload.sign(&key(1));
    assert!(document.takes("post", keypackages::PATH, &upload));
    for status in [201, 200] {
        let answer = server.post(keypackages::PATH, upload.clone()).await;
        answer.was(status);
        document.check("post", keypackages::PATH, &answer);
    }
    for _ in 0..2 {
        let claim = keypackages::claim(key(2).id(), alice, now).sign(&key(2));
        assert!(document.takes("post", keypackages::CLAIMS, &claim));
        assert!(!document.takes("post", keypackages::PATH, &claim), "the type is another");
        let answer = server.post(keypackages::CLAIMS, claim).await;
        answer.was(200);
        document.check("post", keypackages::CLAIMS, &answer);
    }
    let missing = server.claim(&key(1), alice, key(2).id()).await;
    assert_eq!(missing.given().1.len(), 1);
    document.check("post", keypackages::CLAIMS, &missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_about_conversations_conforms() {
    let server = Server::start().await;
    let document = Document::of(&server).await;
    server.register("tudisco", &key(1)).await;
    let start = conversations::start(7, &key(1), server.clock.now()).sign(&key(1));
    assert!(document.takes("post", conversations::PATH, &start));
    assert!(!document.takes("post", keypackages::CLAIMS, &start), "the type is another");
    for status in [201, 200] {
        let answer = server.post(conversations::PATH, start.clone()).await;
        answer.was(status);
        document.check("post", conversations::PATH, &answer);
    }
    let log = json!({ "conversation": "07".repeat(16) }).to_string().into_bytes();
    assert!(document.takes("post", conversations::LOG, &log));
    let commit = conversations::commit(7, 1, 0).to_json();
    assert!(document.takes("post", conversations::COMMITS, &commit));
    assert!(!document.takes("post", conversations::LOG, &commit));
    for status in [201, 200] {
        document.check("post", conversations::LOG, &server.post(conversations::LOG, log.clone()).await);
        let answer = server.post(conversations::COMMITS, commit.clone()).await;
        answer.was(status);
        document.check("post", conversations::COMMITS, &answer);
    }
    document.check("post", conversations::LOG, &server.post(conversations::LOG, log.clone()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_about_instances_conforms() {
    let server = Server::start().await;
    let document = Document::of(&server).await;
    server.register("tudisco", &key(1)).await;
    for (previous, statuses) in [(None, [201, 200]), (Some(1), [201, 200])] {
        let instance = previous.unwrap_or(0) + 1;
        let said = instances::said(key(1).id(), previous, instance, server.clock.now()).sign(&key(1));
        assert!(document.takes("post", instances::PATH, &said));
        assert!(!document.takes("post", keypackages::PATH, &said), "the type is another");
        for status in statuses {
            let answer = server.post(instances::PATH, said.clone()).await;
            answer.was(status);
            document.check("post", instances::PATH, &answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole() {
    let server = Server::start().await;
    let document = server.get("/v1/openapi.json").await.json();
    let paths: Vec<&String> = document["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(
        paths,
        [
            "/.well-known/webfinger",
            "/v1/chat/instance",
            "/v1/conversations",
            "/v1/conversations/commits",
            "/v1/conversations/log",
            "/v1/export",
            "/v1/healthz",
            "/v1/k/{suite}/{hex}",
            "/v1/keypackages",
            "/v1/keypackages/claims",
            "/v1/openapi.json",
            "/v1/pairings",
            "/v1/pairings/{code}",
            "/v1/readyz",
            "/v1/register",
            "/v1/release",
            "/v1/server",
            "/v1/sigchains/ed25519/{hex}",
            "/v1/sigchains/ed25519/{hex}/audit",
            "/v1/sigchains/ed25519/{hex}/events",
            "/v1/sigchains/ed25519/{hex}/events/{seq}",
            "/v1/sigchains/ed25519/{hex}/head",
            "/v1/sigchains/ed25519/{hex}/state",
            "/v1/u/{handle}",
            "/v1/u/{handle}/claims",
            "/v1/u/{handle}/registration",
        ]
    );
    let codes = document["components"]["schemas"]["ProblemCode"]["enum"].as_array().expect("codes");
    assert_eq!(codes.len(), kez_core::Code::ALL.len());
    assert!(codes.contains(&json!("handle_taken")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_has_the_methods_that_are_named() {
    let server = Server::start().await;
    let Document(document) = Document::of(&server).await;
    for (template, item) in document["paths"].as_object().expect("paths") {
        let mut named: Vec<_> = item.as_object().expect("operations").keys().map(|name| name.to_uppercase()).collect();
        if named.contains(&"GET".to_owned()) {
            named.push("HEAD".to_owned());
        }
        named.push("OPTIONS".to_owned());
        named.sort();
        let path = template.replace("{seq}", "1").replace(['{', '}'], "");
        let options = server.send(Method::OPTIONS, &path, &[], Vec::new()).await;
        let mut allowed: Vec<_> = options.header("allow").split(", ").map(str::to_owned).collect();
        allowed.sort();
        assert_eq!((options.status, allowed), (204, named), "{template}");
        let other = server.send(Method::PATCH, &path, &[], Vec::new()).await;
        other.is(405, "method_not_allowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_bounds_constants_patterns_and_tokens() {
    let server = Server::start().await;
    let Document(document) = Document::of(&server).await;
    let parameter = |template: &str, name: &str| {
        let parameters = document["paths"][template]["get"]["parameters"].as_array().expect("parameters");
        let found = parameters.iter().find(|parameter| parameter["name"] == name);
        let found = found.expect("it is there");
        let is_query_of_pages = ["after", "limit", "at_seq"].contains(&name);
        assert_eq!(found["required"], !is_query_of_pages, "{template} {name}");
        assert!(found["description"].is_string(), "{template} {name}");
        found["schema"].clone()
    };
    for template in ["/v1/export", "/v1/sigchains/ed25519/{hex}/events"] {
        let limit = parameter(template, "limit");
        assert_eq!((&limit["minimum"], &limit["maximum"]), (&json!(1), &json!(500)), "{template}");
        assert_eq!(parameter(template, "after")["minimum"], 0);
    }
    for (template, name) in [
        ("/v1/u/{handle}", "handle"),
        ("/v1/k/{suite}/{hex}", "suite"),
        ("/v1/k/{suite}/{hex}", "hex"),
        ("/v1/sigchains/ed25519/{hex}", "hex"),
        ("/v1/pairings/{code}", "code"),
        ("/.well-known/webfinger", "resource"),
    ] {
        assert!(parameter(template, name)["pattern"].is_string(), "{template} {name}");
    }
    assert_eq!(parameter("/v1/sigchains/ed25519/{hex}/events/{seq}", "seq")["minimum"], 1);
    assert_eq!(parameter("/v1/sigchains/ed25519/{hex}/state", "at_seq")["type"], "integer");
    let schemas = &document["components"]["schemas"];
    let registration = &schemas["RegistrationPayload"]["properties"];
    assert_eq!(registration["type"]["const"], "kez.chat.handle_registration");
    assert_eq!(registration["version"]["const"], 1);
    assert_eq!(schemas["RegistrationEnvelope"]["additionalProperties"], false);
    for format in ["Handle", "Key", "Hash", "Sig", "Time"] {
        assert!(schemas[format]["pattern"].is_string(), "{format}");
    }
    let tokens = &document["components"]["securitySchemes"];
    for name in ["pairing", "export"] {
        assert_eq!((&tokens[name]["type"], &tokens[name]["scheme"]), (&json!("http"), &json!("bearer")), "{name}");
    }
    for method in ["put", "delete"] {
        assert_eq!(document["paths"]["/v1/pairings/{code}"][method]["security"], json!([{"pairing": []}]));
    }
}
