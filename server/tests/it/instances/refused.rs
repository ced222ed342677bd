//! What is refused, and in which order.

use kez_chat_server::clock::Clock as _;
use kez_core::chat_instance::ChatInstance;
use kez_core::{ServerName, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATH, said};
use crate::harness::{Server, key, name};

/// An envelope changed after it was signed.
fn altered(text: &[u8], change: impl FnOnce(&mut Value)) -> String {
    let mut envelope = serde_json::from_slice(text).expect("JSON");
    change(&mut envelope);
    envelope.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_answers_before_those_behind_it() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    server.says(&key(1), None, 1).await.was(201);
    let (mine, now) = (key(1).id(), server.clock.now());
    let late = Timestamp::from_unix(now.unix() - 301);
    let elsewhere: ServerName = "elsewhere.example".parse().expect("a name");
    // Each is wrong in every later way, too: a stranger's, and of an instance that follows nothing.
    let sign = |server: &ServerName, created_at| {
        ChatInstance { server: server.clone(), created_at, ..said(mine, Some(9), 2, now) }.sign(&key(9))
    };
    let worst = sign(&elsewhere, late);
    let extra = altered(&worst, |envelope| {
        envelope["payload"]["nonce"] = json!("00".repeat(16));
        envelope["signature"]["alg"] = json!("none");
    });
    let alg = altered(&worst, |envelope| {
        envelope["signature"]["alg"] = json!("none");
        envelope["signature"]["key"] = json!("nobody");
    });
    let no_key =
        altered(&worst, |envelope| envelope["signature"]["key"] = json!(format!("ed25519:{}", "0".repeat(64))));
    let unsigned = altered(&worst, |envelope| envelope["signature"]["sig"] = json!("0".repeat(128)));
    let text = |signed: Vec<u8>| String::from_utf8(signed).expect("JSON is UTF-8");
    for (code, status, body) in [
        ("malformed_json", 400, format!("{extra}}}")),
        ("malformed_envelope", 400, extra),
        ("unsupported_alg", 400, alg),
        ("malformed_key", 400, no_key),
        ("bad_signature", 400, unsigned),
        ("wrong_server", 400, text(worst)),
        ("stale_timestamp", 400, text(sign(&name(), late))),
        ("key_not_authorised", 403, text(sign(&name(), now))),
        ("conversation_conflict", 409, text(said(mine, Some(9), 2, now).sign(&key(1)))),
    ] {
        let answer = server.post(PATH, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.json());
        assert_eq!(answer.json()["server_time"].is_string(), code == "stale_timestamp");
    }
    let good = said(mine, Some(1), 2, now).sign(&key(1));
    server
        .send(Method::POST, PATH, &[("content-type", "text/plain")], good.clone())
        .await
        .is(415, "unsupported_media_type");
    server.post(PATH, good).await.kept(201, mine, 2);
    server.get(PATH).await.is(405, "method_not_allowed");
    server.get("/v1/chat").await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_of_another_form_are_refused() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let good = said(key(1).id(), None, 1, server.clock.now()).sign(&key(1));
    let bad = |member: &str, value: Value| {
        let body = altered(&good, |envelope| envelope["payload"][member] = value);
        server.post(PATH, body)
    };
    for wrong in [json!("a".repeat(31)), json!("a".repeat(33)), json!("A".repeat(32)), json!(""), json!(1), json!([])] {
        for member in ["previous", "instance"] {
            bad(member, wrong.clone()).await.is(400, "malformed_envelope");
        }
    }
    bad("instance", Value::Null).await.is(400, "malformed_envelope");
    let without =
        altered(&good, |envelope| drop(envelope["payload"].as_object_mut().expect("members").remove("previous")));
    server.post(PATH, without).await.is(400, "malformed_envelope");
    let dressed = altered(&good, |envelope| envelope["kez"] = json!("key_packages"));
    server.post(PATH, dressed).await.is(400, "malformed_envelope");
    server.post(crate::keypackages::PATH, good.clone()).await.is(400, "malformed_envelope");
    server.post(PATH, good).await.kept(201, key(1).id(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_identities_with_a_live_handle_here_have_instances() {
    let server = Server::start().await;
    server.says(&key(1), None, 1).await.is(403, "key_not_authorised");
    server.register("tudisco", &key(1)).await;
    server.says(&key(1), None, 1).await.kept(201, key(1).id(), 1);
    let other = said(key(1).id(), None, 2, server.clock.now()).sign(&key(2));
    server.post(PATH, other).await.is(403, "key_not_authorised");
    server.post("/v1/release", server.release("tudisco", &key(1))).await.was(200);
    server.says(&key(1), Some(1), 1).await.is(403, "key_not_authorised");
    // What the device was is known when it comes back.
    server.clock.advance(1);
    server.register("tudisco", &key(1)).await;
    server.says(&key(1), Some(9), 2).await.conflicts();
    server.says(&key(1), Some(9), 1).await.kept(200, key(1).id(), 1);
}
