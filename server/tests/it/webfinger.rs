//! WebFinger, by hand and with somebody else's client types.

use serde_json::json;

use crate::harness::{NAME, Server, key};

fn path(query: &str) -> String {
    format!("/.well-known/webfinger?{query}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_described() {
    let server = Server::start().await;
    let key = key(1);
    server.register("tudisco", &key).await;
    let sigchain = format!("https://{NAME}/v1/sigchains/ed25519/{}", key.id().hex());
    let jrd = json!({
        "subject": format!("acct:tudisco@{NAME}"), "aliases": [format!("https://{NAME}/@tudisco")],
        "properties": {"https://kez.lat/ns/primary": key.id().to_string()},
        "links": [
            {"rel": "self", "type": "application/json", "href": format!("https://{NAME}/v1/u/tudisco")},
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": format!("https://{NAME}/@tudisco")},
            {"rel": "https://kez.lat/ns/sigchain", "type": "application/json", "href": sigchain},
        ],
    });
    for resource in [
        format!("acct:tudisco@{NAME}"),
        format!("acct%3Atudisco%40{NAME}"),
        "ACCT:TuDisco@KEZ.TEST".to_owned(),
        format!("https://{NAME}/@tudisco"),
        format!("https%3A%2F%2F{NAME}%2F%40tudisco"),
    ] {
        let answer = server.get(&path(&format!("resource={resource}"))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/jrd+json"), "{resource}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.json(), jrd, "{resource}");
    }
    let standard: webfinger_rs::WebFingerResponse =
        serde_json::from_slice(&server.get(&path(&format!("resource=acct:tudisco@{NAME}"))).await.bytes)
            .expect("another implementation reads it");
    assert_eq!(standard.links.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn rel_filters_links_only() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    for (rels, count) in [
        ("&rel=self", 1),
        ("&rel=self&rel=http%3A%2F%2Fwebfinger.net%2Frel%2Fprofile-page", 2),
        ("&rel=nothing", 0),
        ("&rel=self&rel=nothing", 1),
    ] {
        let body = server.get(&path(&format!("resource=acct:tudisco@{NAME}{rels}"))).await.json();
        assert_eq!(body["links"].as_array().expect("links").len(), count, "{rels}");
        assert!(body["aliases"].is_array() && body["properties"].is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_and_foreign_resources() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let account = format!("resource=acct:tudisco@{NAME}");
    for query in [
        "",
        "rel=self",
        "resource=",
        "resource",
        "resource=tudisco",
        "resource=%00",
        "resource=acct:%ff@x",
        "resource=a%20b:c",
        "resource=acct:%25zz@x",
        "resource=:x",
        &format!("{account}&{account}"),
        "resource=acct:t%C3%BC@x",
        "resource=acct:tudisco",
        "resource=acct:@kez.test",
        "resource=acct:tudisco@",
        "resource=acct:tudisco@other.example@kez.test",
    ] {
        server.get(&path(query)).await.is(400, "invalid_resource");
    }
    for resource in [
        "acct:tudisco@other.example",
        "acct:nobody@kez.test",
        "acct:t@kez.test",
        "mailto:tudisco@kez.test",
        "https://kez.test/tudisco",
        "http://kez.test/@tudisco",
        "https://other.example/@tudisco",
        "https://kez.test/@tudisco/x",
        // Decoded once: the second layer of percent signs is part of the name.
        "acct:%2574udisco@kez.test",
    ] {
        server.get(&path(&format!("resource={resource}"))).await.is(404, "not_found");
    }
}
