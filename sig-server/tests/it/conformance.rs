//! The OpenAPI document: every route is in it, and answers conform to it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, key};
use crate::owner::Owner;

const JSON: (&str, &str) = ("content-type", "application/json");
const CHAIN: &str = "/v1/sigchains/ed25519/{hex}";

struct Document(Value);

impl Document {
    async fn of(server: &Server) -> Document {
        Document(server.get("/v1/openapi.json").await.ok(200))
    }

    /// Asserts that an answer to `method template` is one that the document lists.
    fn check(&self, method: &str, template: &str, answer: &Answer) {
        let place = format!("{method} {template} {}", answer.status);
        let response = &self.0["paths"][template][method]["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{place} is not documented: {}", answer.text());
        let Some(content) = response.get("content") else {
            assert!(answer.bytes.is_empty(), "{place} has a body that is not documented");
            return;
        };
        let media_type = answer.header("content-type");
        let schema = &content[media_type]["schema"];
        assert!(schema.is_object(), "{place}: {media_type} is not documented");
        if media_type == "application/json" || media_type.ends_with("+json") {
            let mut schema = schema.clone();
            schema["components"] = self.0["components"].clone();
            let validator = jsonschema::validator_for(&schema).expect("a schema");
            let errors: Vec<_> = validator.iter_errors(&answer.json()).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{place}: {errors:?} in {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_there_with_its_methods() {
    let server = Server::start().await;
    let Document(document) = Document::of(&server).await;
    let paths = document["paths"].as_object().expect("paths");
    let found: BTreeSet<_> = paths.keys().map(String::as_str).collect();
    let chains = ["", "/audit", "/events", "/events/{seq}", "/head", "/state"].map(|rest| format!("{CHAIN}{rest}"));
    let own = ["/v1/export", "/v1/healthz", "/v1/openapi.json", "/v1/readyz", "/v1/server"];
    assert_eq!(found, chains.iter().map(String::as_str).chain(own).collect());
    for (template, item) in paths {
        let methods: BTreeSet<_> =
            item.as_object().expect("operations").keys().map(|name| name.to_uppercase()).collect();
        let options = server.send(Method::OPTIONS, &template.replace("{seq}", "1"), &[], Vec::new()).await;
        let allowed = options.header("allow").split(", ").filter(|name| !["HEAD", "OPTIONS"].contains(name));
        assert_eq!(methods, allowed.map(str::to_owned).collect(), "{template}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_conform() {
    let server = Server::start().await;
    let document = Document::of(&server).await;
    let mut owner = Owner::start(&server, 1).await;
    let events = format!("{CHAIN}/events");
    let device = owner.device(&key(3));
    let added = owner.post(&server, device.clone()).await;
    added.ok(201);
    document.check("post", &events, &added);
    document.check("post", &events, &server.post(&owner.path("/events"), device).await);
    for path in ["/v1/healthz", "/v1/readyz", "/v1/server", "/v1/openapi.json", "/v1/export"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        document.check("get", path, &answer);
    }
    for rest in ["", "/head", "/state", "/events", "/events/{seq}", "/audit"] {
        let path = owner.path(&rest.replace("{seq}", "1"));
        let template = format!("{CHAIN}{rest}");
        document.check("get", &template, &server.get(&path).await);
        document.check("get", &template, &server.get(&Owner::new(20).path(&rest.replace("{seq}", "1"))).await);
        for headers in [[("if-match", "\"x\"")], [("if-none-match", "*")]] {
            document.check("get", &template, &server.send(Method::GET, &path, &headers, Vec::new()).await);
        }
    }
    let log = server.get(&owner.path("/audit")).await.bytes;
    let again = server.put(&owner.path(""), log).await;
    again.ok(200);
    document.check("put", CHAIN, &again);
    for body in ["{}", "{", r#"{"chain":"","entries":[]}"#] {
        let refused = server.put(&owner.path(""), body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        document.check("put", CHAIN, &refused);
    }
    for (method, template, path) in [
        (Method::GET, CHAIN.to_owned(), owner.path("")),
        (Method::PUT, CHAIN.to_owned(), owner.path("")),
        (Method::POST, events, owner.path("/events")),
    ] {
        let name = method.as_str().to_lowercase();
        for headers in [[("host", "a"), ("host", "b"), JSON], [("content-encoding", "br"), ("x-a", "b"), JSON]] {
            document.check(&name, &template, &server.send(method.clone(), &path, &headers, b"{}".to_vec()).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_bounds_constants_and_a_token() {
    let server = Server::start().await;
    let Document(document) = Document::of(&server).await;
    let parameters = document["paths"]["/v1/export"]["get"]["parameters"].as_array().expect("parameters").clone();
    let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").expect("it is there");
    assert_eq!((&limit["schema"]["minimum"], &limit["schema"]["maximum"]), (&json!(1), &json!(500)));
    assert_eq!(document["components"]["securitySchemes"]["export"]["scheme"], "bearer");
    let schemas = &document["components"]["schemas"];
    let kinds: Vec<_> = schemas["EventPayload"]["oneOf"].as_array().expect("payloads").iter().collect();
    assert_eq!(kinds.len(), 9);
    assert_eq!(kinds[0]["properties"]["type"]["const"], "kez.sigchain.genesis");
    assert!(kinds.iter().all(|kind| kind["properties"]["version"]["const"] == 1));
    assert_eq!(schemas["SigchainEvent"]["properties"]["kez"]["const"], "sigchain_event");
}
