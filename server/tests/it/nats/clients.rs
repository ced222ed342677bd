//! The library that programs use: with an authenticator of this project's, and as it comes.

use std::time::Duration;

use async_nats::{Auth, Client, ConnectErrorKind, ConnectOptions, HeaderMap};
use futures_util::StreamExt as _;
use kez_core::SigningKey;
use kez_core::nats_login::{Login, decode_signature};
use kez_core::subject::Subjects;
use serde_json::{Value, json};

use super::{Nats, with_user};
use crate::harness::{key, name};

/// Signs for this server, whatever the broker's nonce is.
fn authenticator(key: &SigningKey) -> ConnectOptions {
    let seed = key.seed();
    let options = ConnectOptions::with_auth_callback(move |nonce| {
        let nonce = String::from_utf8(nonce).expect("UTF-8").parse().expect("a nonce");
        let Login { nkey, sig } = Login::sign(&SigningKey::from_seed(&seed), &name(), &nonce);
        let mut auth = Auth::new();
        auth.nkey = Some(nkey);
        auth.signature = decode_signature(&sig).map(Vec::from);
        std::future::ready(Ok(auth))
    });
    options.custom_inbox_prefix(Subjects::of(&key.id()).reply_prefix())
}

/// The library's own, with the key as a seed.
fn plain(key: &SigningKey) -> ConnectOptions {
    let pair = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::User, *key.seed()).expect("a key");
    let options = ConnectOptions::with_nkey(pair.seed().expect("a seed"));
    options.custom_inbox_prefix(Subjects::of(&key.id()).reply_prefix())
}

/// Sends oneself a message, reads and acknowledges it: everything that a login permits.
async fn works(client: &Client, key: &SigningKey) {
    let (subjects, id) = (Subjects::of(&key.id()), key.id());
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", client.new_inbox().as_str());
    let sent = client.request_with_headers(subjects.send(&id), headers, "note".into()).await.expect("a PubAck");
    let sent: Value = serde_json::from_slice(&sent.payload).expect("JSON");
    assert_eq!((&sent["error"], &sent["stream"]), (&json!(null), &json!("KEZ_INBOX")), "{sent}");
    let reply = client.new_inbox();
    let mut messages = client.subscribe(reply.clone()).await.expect("a subscription");
    let pull = json!({ "batch": 1, "expires": 2_000_000_000 }).to_string();
    client.publish_with_reply(subjects.next(), reply, pull.into()).await.expect("it is sent");
    let message = tokio::time::timeout(Duration::from_secs(5), messages.next()).await.expect("in time");
    let message = message.expect("a message");
    assert_eq!(&message.payload[..], b"note");
    // Acknowledged with an answer, so that it is certain.
    client.request(message.reply.expect("where to acknowledge"), "+ACK".into()).await.expect("an answer");
}

async fn refused(options: ConnectOptions, nats: &Nats) {
    let error = options.connect(format!("nats://{}", nats.address)).await.expect_err("refused");
    assert_eq!(error.kind(), ConnectErrorKind::AuthorizationViolation, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn async_nats_logs_in_with_an_authenticator() {
    let (nats, _server, user) = with_user().await;
    let client = authenticator(&user).connect(format!("nats://{}", nats.address)).await.expect("a login");
    works(&client, &user).await;
    // Over a WebSocket too, as from outside.
    let client = authenticator(&user).connect(format!("ws://{}", nats.web)).await.expect("a login");
    works(&client, &user).await;
    refused(authenticator(&key(2)), &nats).await;
    refused(plain(&user), &nats).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn async_nats_logs_in_as_it_comes_where_the_operator_says_so() {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&["--nats-allow-stock-nkey"]).await;
    server.register("tudisco", &key(1)).await;
    for options in [plain(&key(1)), authenticator(&key(1))] {
        let client = options.connect(format!("nats://{}", nats.address)).await.expect("a login");
        works(&client, &key(1)).await;
    }
    refused(plain(&key(2)), &nats).await;
}
