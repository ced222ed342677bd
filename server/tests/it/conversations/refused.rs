//! What is refused, and in which order.

use kez_chat_server::clock::Clock as _;
use kez_core::conversation_start::Start;
use kez_core::{ServerName, SigningKey, Timestamp};
use serde_json::{Value, json};

use super::{COMMITS, LOG, PATH, commit, gate_hash, id, start};
use crate::chains::owner::Owner;
use crate::harness::{Server, key, name};

/// An envelope changed after it was signed.
fn altered(text: &[u8], change: impl FnOnce(&mut Value)) -> String {
    let mut envelope = serde_json::from_slice(text).expect("JSON");
    change(&mut envelope);
    envelope.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_of_a_start_answers_before_those_behind_it() {
    let server = Server::talking(&[1, 2], &[]).await;
    server.begin(7, &key(2)).await.was(201);
    let now = server.clock.now();
    let late = Timestamp::from_unix(now.unix() - 301);
    let elsewhere: ServerName = "elsewhere.example".parse().expect("a name");
    // Each is wrong in every later way, too: the conversation is another one's.
    let sign =
        |server, created_at, by: &SigningKey| Start { server, from: key(1).id(), ..start(7, by, created_at) }.sign(by);
    let text = |signed: Vec<u8>| String::from_utf8(signed).expect("JSON is UTF-8");
    let worst = sign(elsewhere, late, &key(9));
    let extra = altered(&worst, |envelope| {
        envelope["payload"]["more"] = json!(1);
        envelope["signature"]["alg"] = json!("none");
    });
    let alg = altered(&worst, |envelope| {
        envelope["signature"]["alg"] = json!("none");
        envelope["signature"]["key"] = json!("nobody");
    });
    let no_key =
        altered(&worst, |envelope| envelope["signature"]["key"] = json!(format!("ed25519:{}", "0".repeat(64))));
    let unsigned = altered(&worst, |envelope| envelope["signature"]["sig"] = json!("0".repeat(128)));
    for (code, status, body) in [
        ("malformed_json", 400, format!("{extra}}}")),
        ("malformed_envelope", 400, extra),
        ("unsupported_alg", 400, alg),
        ("malformed_key", 400, no_key),
        ("bad_signature", 400, unsigned),
        ("wrong_server", 400, text(worst)),
        ("stale_timestamp", 400, text(sign(name(), late, &key(9)))),
        ("key_not_authorised", 403, text(sign(name(), now, &key(9)))),
        ("conversation_conflict", 409, text(sign(name(), now, &key(1)))),
    ] {
        let answer = server.post(PATH, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.json());
        assert_eq!(answer.json()["server_time"].is_string(), code == "stale_timestamp");
    }
    let good = start(8, &key(1), now).sign(&key(1));
    for (member, bad) in [
        ("conversation", json!("0".repeat(31))),
        ("conversation", json!("A".repeat(32))),
        ("gate", json!("0".repeat(63))),
        ("gate", json!(format!("sha256:{}", "0".repeat(64)))),
        ("gate", json!(null)),
    ] {
        let body = altered(&good, |envelope| envelope["payload"][member] = bad);
        server.post(PATH, body).await.is(400, "malformed_envelope");
    }
    let plain = server.send(reqwest::Method::POST, PATH, &[("content-type", "text/plain")], good.clone()).await;
    plain.is(415, "unsupported_media_type");
    server.post("/v1/keypackages/claims", good.clone()).await.is(400, "malformed_envelope");
    server.post(PATH, good).await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_identities_with_a_live_handle_here_start() {
    let server = Server::talking(&[30], &[]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (chain, now) = (owner.chain.id(), server.clock.now());
    let by = |conversation, signer: &SigningKey| {
        server.post(PATH, Start { from: chain, ..start(conversation, signer, now) }.sign(signer))
    };
    by(1, &key(5)).await.is(403, "key_not_authorised");
    let event = owner.device(&key(5));
    owner.post(&server, &event).await.was(201);
    by(1, &key(5)).await.was(201);
    by(2, &key(30)).await.is(403, "key_not_authorised");
    let event = owner.revocation(&key(5));
    owner.post(&server, &event).await.was(201);
    by(1, &key(5)).await.is(403, "key_not_authorised");
    by(2, &owner.identity).await.was(201);
    let event = owner.deactivation();
    owner.post(&server, &event).await.was(201);
    by(2, &owner.identity).await.is(403, "key_not_authorised");
    server.begin(3, &key(30)).await.was(201);
    server.post("/v1/release", server.release("person30", &key(30))).await.was(200);
    server.begin(3, &key(30)).await.is(403, "key_not_authorised");
    server.begin(4, &key(99)).await.is(403, "key_not_authorised");
    // Members go on: the server does not know who they are.
    server.commit(&commit(3, 1, 0)).await.begins(201, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_another_form_are_refused() {
    let server = Server::talking(&[1], &[7]).await;
    let good = commit(7, 1, 0).to_json();
    for (name, change) in [
        ("another member", &(|body: &mut Value| body["more"] = json!(1)) as &dyn Fn(&mut Value)),
        ("no epoch", &|body| drop(body.as_object_mut().expect("an object").remove("epoch"))),
        ("a negative epoch", &|body| body["epoch"] = json!(-1)),
        ("an epoch with a fraction", &|body| body["epoch"] = json!(1.0)),
        ("an epoch in words", &|body| body["epoch"] = json!("1")),
        ("a short id", &|body| body["conversation"] = json!("07")),
        ("an id in capitals", &|body| body["conversation"] = json!("0A".repeat(16))),
        ("a gate in capitals", &|body| body["gate"] = json!("0A".repeat(32))),
        ("a short gate", &|body| body["next_gate"] = json!("0a".repeat(31))),
        ("a gate with a name", &|body| body["next_gate"] = json!(format!("sha256:{}", "0a".repeat(32)))),
        ("padding", &|body| body["commit"] = json!("AA==")),
        ("bits to spare", &|body| body["commit"] = json!("AB")),
        ("the other alphabet", &|body| body["commit"] = json!("+/+/")),
        ("nothing", &|body| body["commit"] = json!("")),
        ("a list", &|body| body["commit"] = json!([0])),
        ("null", &|body| body["commit"] = Value::Null),
    ] {
        let answer = server.post(COMMITS, altered(&good, change)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{name}");
    }
    for body in ["", "{", "{\"epoch\":1,\"epoch\":1}"] {
        server.post(COMMITS, body).await.is(400, "malformed_json");
        server.post(LOG, body).await.is(400, "malformed_json");
    }
    for body in [json!([]), json!({}), json!({ "conversation": id(7), "limit": 0 })] {
        server.post(LOG, body.to_string()).await.is(400, "invalid_request");
    }
    for body in [json!({ "limit": 101 }), json!({ "after": -1 }), json!({ "after": null }), json!({ "before": 1 })] {
        let mut body = body;
        body["conversation"] = json!(id(7));
        server.post(LOG, body.to_string()).await.is(400, "invalid_request");
    }
    server
        .send(reqwest::Method::POST, COMMITS, &[("content-type", "text/plain")], good.clone())
        .await
        .is(415, "unsupported_media_type");
    server.post(COMMITS, good).await.begins(201, 2);
    assert_eq!(server.log(7).await["gate"], super::digits(gate_hash(7, 2)));
}
