//! `GET /v1/u/{handle}/claims`: what it shows at once, and what it shows later.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kez_chat_server::claims::Outside;
use kez_chat_server::claims::dns::{Dns, Unresolved};
use kez_core::claim::{Kind, proof_text};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::world::{Internet, Reply, chain, ok, redirect};
use crate::chains::owner::Owner;
use crate::harness::{Server, key};

const PATH: &str = "/v1/u/tudisco/claims";

/// The claims, by their subjects.
async fn claims(server: &Server) -> Value {
    let answer = server.get(PATH).await;
    answer.was(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!((&body["handle"], &body["chain"]), (&json!("tudisco"), &json!(chain().to_string())));
    let list = body["claims"].as_array().expect("a list");
    list.iter().map(|claim| (claim["subject"].as_str().expect("a subject").to_owned(), claim.clone())).collect()
}

/// The claims, once that of `subject` is in this state.
async fn until(server: &Server, subject: &str, state: &str) -> Value {
    let shown = async {
        loop {
            let claims = claims(server).await;
            if claims[subject]["state"] == state {
                return claims;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), shown).await.expect("it is checked")
}

async fn claim(server: &Server, owner: &mut Owner, kind: &str, subject: &str, proof: &str) {
    let event = owner.claim(kind, subject, proof);
    owner.post(server, &event).await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_shown_with_what_is_known() {
    let internet = Internet::start(|host, _| match host {
        "example.org" => ok(proof_text(Kind::Https, &chain())),
        "gist.github.com" => ok("somebody else's"),
        _ => redirect("http://example.org/"),
    });
    let internet = internet.await;
    internet.names.publish("_kez.example.net", &[&proof_text(Kind::Dns, &chain())]);
    let server = Server::start_outside(internet.outside(), &[]).await;
    server.register("tudisco", &key(1)).await;
    assert_eq!(claims(&server).await, json!({}), "there is no chain yet");
    let mut owner = Owner::new(1);
    let genesis = owner.genesis();
    owner.post(&server, &genesis).await.was(201);
    assert_eq!(claims(&server).await, json!({}));
    let gist = "https://gist.github.com/tudisco/00ff";
    for (kind, subject, proof) in [
        ("https", "example.org", "elsewhere"),
        ("dns", "example.net", "dns:_kez.example.net?type=TXT"),
        ("github", "tudisco", gist),
        ("https", "unknown.example", "x"),
        ("dns", "Example.NET", "elsewhere"),
        ("tea", "pot", "kettle"),
    ] {
        claim(&server, &mut owner, kind, subject, proof).await;
    }
    let first = claims(&server).await;
    let unchecked = &first["example.org"];
    assert_eq!((&unchecked["state"], &unchecked["checked_at"]), (&json!("unchecked"), &json!(null)), "nobody waits");
    assert_eq!(unchecked.get("detail"), None);

    let mut shown = Value::Null;
    for (subject, state) in [
        ("example.org", "proven"),
        ("example.net", "proven"),
        ("tudisco", "failed"),
        ("unknown.example", "unreachable"),
    ] {
        shown = until(&server, subject, state).await;
        assert_eq!(shown[subject]["checked_at"], "2026-05-25T03:00:00Z");
        assert_eq!(shown[subject].get("detail").is_some(), state != "proven", "{}", shown[subject]);
    }
    let state = server.get(&owner.path("/state")).await.json();
    assert_eq!(state["claims"][shown["tudisco"]["id"].as_str().expect("an id")]["proof"], gist);
    assert_eq!((&shown["tudisco"]["proof"], &shown["tudisco"]["link"]), (&json!(gist), &json!(gist)));
    assert_eq!(shown["example.org"]["link"], "https://example.org/.well-known/kez.json");
    assert_eq!(shown["example.net"]["link"], "https://dns.google/resolve?name=_kez.example.net&type=TXT");
    for subject in ["Example.NET", "pot"] {
        let unsupported = &shown[subject];
        assert_eq!((&unsupported["state"], &unsupported["checked_at"]), (&json!("unsupported"), &json!(null)));
        assert!(unsupported["detail"].is_string() && unsupported.get("link").is_none(), "{unsupported}");
    }

    // What is removed from the chain is gone from here.
    let removal = owner.unclaim(shown["pot"]["id"].as_str().expect("an id"));
    owner.post(&server, &removal).await.was(201);
    assert_eq!(claims(&server).await.get("pot"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_knowledge_is_shown_and_renewed() {
    let (says, heard) = watch::channel(true);
    let internet =
        Internet::start(move |_, _| if *heard.borrow() { ok(proof_text(Kind::Https, &chain())) } else { ok("{}") });
    let internet = internet.await;
    let asked = || internet.heads.lock().expect("no panic").len();
    let server = Server::start_outside(internet.outside(), &[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    claim(&server, &mut owner, "https", "example.org", "elsewhere").await;
    until(&server, "example.org", "proven").await;
    says.send(false).expect("somebody hears");
    // Within the hour nobody is asked again, however often somebody wants to know.
    server.clock.advance(3_599);
    for _ in 0..20 {
        assert_eq!(claims(&server).await["example.org"]["state"], "proven");
    }
    assert_eq!(asked(), 1);
    server.clock.advance(1);
    assert_eq!(claims(&server).await["example.org"]["state"], "proven", "the last known, until there is news");
    let failed = until(&server, "example.org", "failed").await;
    assert_eq!(failed["example.org"]["checked_at"], "2026-05-25T04:00:00Z");
    assert_eq!(asked(), 2);
    // What failed is looked at again after five minutes.
    says.send(true).expect("somebody hears");
    server.clock.advance(299);
    assert_eq!(claims(&server).await["example.org"]["state"], "failed");
    assert_eq!(asked(), 2);
    server.clock.advance(1);
    until(&server, "example.org", "proven").await;
    assert_eq!(asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_are_one_check() {
    let pause = Duration::from_millis(5);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n";
    let internet = Internet::start(move |_, _| Reply::Drip(head, &[b'x'; 40], pause)).await;
    let server = Server::start_outside(internet.outside(), &[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    claim(&server, &mut owner, "https", "example.org", "elsewhere").await;
    let all = (0..50).map(|_| server.get(PATH));
    for answer in futures_util::future::join_all(all).await {
        answer.was(200);
    }
    until(&server, "example.org", "failed").await;
    assert_eq!(internet.heads.lock().expect("no panic").len(), 1);
}

/// Names that are not answered for until the door opens, and how many wait before it.
struct Door {
    waiting: AtomicUsize,
    most: AtomicUsize,
    door: Semaphore,
}

#[async_trait]
impl Dns for Door {
    async fn addresses(&self, _: &str) -> Result<Vec<IpAddr>, Unresolved> {
        Err(Unresolved)
    }

    async fn texts(&self, _: &str) -> Result<Vec<Vec<u8>>, Unresolved> {
        self.most.fetch_max(self.waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        drop(self.door.acquire().await);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Ok(Vec::new())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_eight_checks_run_at_once() {
    let door = Arc::new(Door { waiting: AtomicUsize::new(0), most: AtomicUsize::new(0), door: Semaphore::new(0) });
    let internet = Internet::start(|_, _| ok("")).await;
    let outside = Outside { dns: door.clone(), patience: Duration::from_secs(60), ..internet.outside() };
    let server = Server::start_outside(outside, &[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    for n in 0..20 {
        claim(&server, &mut owner, "dns", &format!("n{n}.example"), "elsewhere").await;
    }
    // One identity has two places.
    for seed in 0..5 {
        let mut other = Owner::start(&server, &format!("other{seed}"), 10 * seed + 10).await;
        for n in 0..4 {
            claim(&server, &mut other, "dns", &format!("n{n}.example"), "elsewhere").await;
        }
    }
    let full = async {
        while door.waiting.load(Ordering::SeqCst) < 8 {
            assert_eq!(claims(&server).await["n0.example"]["state"], "unchecked", "nobody waits");
            for seed in 0..5 {
                server.get(&format!("/v1/u/other{seed}/claims")).await.was(200);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), full).await.expect("eight begin");
    door.door.add_permits(1);
    for n in 0..20 {
        until(&server, &format!("n{n}.example"), "failed").await;
    }
    assert_eq!(door.most.load(Ordering::SeqCst), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_checks_nothing_is_known_and_nobody_asked() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    claim(&server, &mut owner, "https", "example.org", "elsewhere").await;
    claim(&server, &mut owner, "tea", "pot", "elsewhere").await;
    for _ in 0..3 {
        let shown = claims(&server).await;
        assert_eq!(
            (&shown["example.org"]["state"], &shown["pot"]["state"]),
            (&json!("unchecked"), &json!("unsupported"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_that_are_not_live_have_none() {
    let server = Server::start().await;
    server.get("/v1/u/nobody/claims").await.is(404, "not_found");
    server.get("/v1/u/-/claims").await.is(404, "not_found");
    server.register("tudisco", &key(1)).await;
    server.get("/v1/u/TuDisco/claims").await.was(200);
    server.post(PATH, "{}").await.is(405, "method_not_allowed");
    server.post("/v1/release", server.release("tudisco", &key(1))).await.was(200);
    server.get(PATH).await.is(410, "gone");
}
