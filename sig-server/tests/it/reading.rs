//! Everything that is read.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{NAME, Server, key};
use crate::owner::Owner;

async fn with_claims(server: &Server, seed: u8, claims: usize) -> Owner {
    let mut owner = Owner::start(server, seed).await;
    for n in 0..claims {
        let event = owner.claim(&format!("{n}.example"), &key(seed));
        owner.post(server, event).await.ok(201);
    }
    owner
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_in_short_its_head_and_its_states() {
    let server = Server::start().await;
    let owner = with_claims(&server, 1, 2).await;
    let head = json!({ "seq": 3, "hash": owner.head() });
    let summary = server.get(&owner.path("")).await;
    let tag = summary.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", owner.head()));
    let body = summary.ok(200);
    assert_eq!((&body["chain"], &body["head"], &body["count"]), (&json!(owner.chain.id()), &head, &json!(3)));
    assert_eq!(body["genesis"], json!(owner.chain.id_at(1)));
    assert_eq!(body["state"], json!(owner.chain.state()));
    assert_eq!(server.get(&owner.path("/head")).await.ok(200), head);
    assert_eq!(server.get(&owner.path("/state")).await.ok(200), body["state"]);
    for seq in 1..=3 {
        let state = server.get(&owner.path(&format!("/state?at_seq={seq}"))).await.ok(200);
        assert_eq!(state, json!(owner.chain.state_at(seq)));
    }
    for path in ["", "/head", "/state"] {
        let answer = server.send(Method::GET, &owner.path(path), &[("if-none-match", &tag)], Vec::new()).await;
        assert_eq!((answer.status, answer.bytes.len()), (304, 0), "{path}");
        let answer = server.send(Method::HEAD, &owner.path(path), &[], Vec::new()).await;
        assert_eq!((answer.status, answer.header("etag"), answer.bytes.len()), (200, tag.as_str(), 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_events() {
    let server = Server::start().await;
    let owner = with_claims(&server, 1, 6).await;
    let genesis = server.get(&owner.path("/events/1")).await;
    assert_eq!(genesis.bytes, owner.genesis(NAME), "canonical bytes");
    let mut seen = Vec::new();
    let mut next = json!(0);
    while let Some(after) = next.as_u64() {
        let page = server.get(&owner.path(&format!("/events?after={after}&limit=3"))).await.ok(200);
        seen.extend(page["events"].as_array().expect("a list").clone());
        next = page["next"].clone();
    }
    assert_eq!(seen.len(), 7);
    for (n, event) in (1..).zip(&seen) {
        assert_eq!(server.get(&owner.path(&format!("/events/{n}"))).await.ok(200), *event);
        assert_eq!(event["payload"]["seq"], n);
    }
    assert_eq!(server.get(&owner.path("/events")).await.ok(200)["next"], Value::Null);
    let empty = json!({ "events": [], "next": null });
    for query in ["?after=7", "?after=99999999999999999999&limit=500"] {
        assert_eq!(server.get(&owner.path(&format!("/events{query}"))).await.ok(200), empty);
    }
    for accept in ["application/jsonl", "text/html, application/x-ndjson;q=0.5"] {
        let path = owner.path("/events?after=1");
        let answer = server.send(Method::GET, &path, &[("accept", accept)], Vec::new()).await;
        let lines: Vec<Value> =
            answer.text().lines().map(|line| serde_json::from_str(line).expect("an envelope a line")).collect();
        assert_eq!(lines, seen[1..]);
        assert!(accept.contains(answer.header("content-type")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_everybody() {
    let server = Server::start().await;
    let first = with_claims(&server, 1, 1).await;
    let second = with_claims(&server, 11, 1).await;
    let lines = async |query: &str| -> Vec<Value> {
        let answer = server.get(&format!("/v1/export{query}")).await;
        assert_eq!(answer.status, 200);
        answer.text().lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    };
    let all = lines("").await;
    let found: Vec<_> = all.iter().map(|line| (line["log_index"].as_u64(), line["chain"].clone())).collect();
    let (a, b) = (json!(first.chain.id()), json!(second.chain.id()));
    assert_eq!(found, [(Some(1), a.clone()), (Some(2), a), (Some(3), b.clone()), (Some(4), b)]);
    assert_eq!(all[2]["event"], server.get(&second.path("/events/1")).await.ok(200));
    assert_eq!(all[2]["received_at"], "2026-05-25T03:00:00Z");
    assert_eq!(lines("?after=1&limit=2").await, all[1..3]);
    assert!(lines("?after=4").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_is_no_number() {
    let server = Server::start().await;
    let owner = with_claims(&server, 1, 1).await;
    let nobody = Owner::new(20);
    for path in ["", "/head", "/state", "/events", "/events/1", "/audit"] {
        server.get(&nobody.path(path)).await.is(404, "not_found", "");
    }
    for path in ["/events/0", "/events/3", "/events/99999999999999999999", "/state?at_seq=0", "/state?at_seq=3"] {
        server.get(&owner.path(path)).await.is(404, "not_found", "");
    }
    for path in ["/events/x", "/events/-1", "/events/1.0", "/state?at_seq=", "/state?at_seq=1&at_seq=1"] {
        server.get(&owner.path(path)).await.is(400, "invalid_resource", "");
    }
    for path in ["/events?after=-1", "/events?limit=x", "/events?limit=0", "/events?limit=501"] {
        server.get(&owner.path(path)).await.is(400, "invalid_resource", "");
    }
    let hex = owner.chain.id().hex();
    for chain in [format!("secp256k1/{hex}"), format!("ed25519/{}", hex.to_uppercase()), "ed25519/00".to_owned()] {
        server.get(&format!("/v1/sigchains/{chain}")).await.is(404, "not_found", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_long_is_sent_in_pieces_that_fit_together() {
    let server = Server::start().await;
    let owner = with_claims(&server, 1, 60).await;
    let audit = server.get(&owner.path("/audit")).await.ok(200);
    let entries = audit["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), 61);
    let events: Vec<_> = entries.iter().map(|entry| entry["event"].clone()).collect();
    for limit in [1, 15, 16, 17, 32, 33, 60, 61, 62, 500] {
        let page = server.get(&owner.path(&format!("/events?limit={limit}"))).await.ok(200);
        let shown = limit.min(61);
        assert_eq!(page["events"], json!(events[..shown]), "{limit}");
        assert_eq!(page["next"], if shown < 61 { json!(shown) } else { Value::Null });
        let lines = server.get(&format!("/v1/export?limit={limit}")).await.text();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
        let found: Vec<_> = lines.iter().map(|line| line["event"].clone()).collect();
        assert_eq!(found, events[..shown], "{limit}");
    }
    let few = server.get(&owner.path("/events?limit=3")).await;
    assert_eq!(few.header("content-length"), few.bytes.len().to_string());
}
