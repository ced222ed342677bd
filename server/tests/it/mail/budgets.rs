//! Filling the mailboxes from one name.

use std::time::Duration;

use kez_chat_server::limits::BrokerLimits;
use kez_core::subject::Subjects;
use kez_core::{KeyId, SigningKey};
use serde_json::json;

use super::Scene;
use super::device::Device;
use crate::nats::Nats;
use crate::nats::raw::{Raw, Sent};
use crate::nats::state::Store;

/// By when somebody who sent too much has lost the right to.
const LOST: Duration = Duration::from_secs(5);
/// How long anything else may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether what is published on `subject` is permitted: the broker says so at once, and ends nothing for it.
async fn may_publish(device: &mut Device, subject: &str) -> bool {
    let reply = device.reply();
    device.raw.publish_with(subject, &reply, &[("Nats-Expected-Stream", "NONE")], "").await;
    match device.raw.next().await {
        Sent::Message { .. } => true,
        Sent::Error(text) => {
            assert!(text.starts_with("Permissions Violation for Publish"), "{text}");
            false
        }
        other => panic!("{other:?}"),
    }
}

/// A session that may write to mailboxes, or may not, as soon as there is one.
async fn session(nats: &Nats, key: &SigningKey, chain: &KeyId, is_to_write: bool) -> Device {
    let found = async {
        loop {
            if Raw::try_login(nats, key).await.is_ok() {
                let mut device = Device::login(nats, key, chain).await;
                let subject = device.subjects.send(&device.id);
                if may_publish(&mut device, &subject).await == is_to_write {
                    return device;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("its rights change")
}

async fn scene(limits: BrokerLimits, flags: &[&str]) -> Scene {
    let nats = Nats::start(&[]).await;
    let server = nats.server_limited(limits, flags).await;
    Scene::of(nats, server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_too_much_waiting_writes_to_no_mailbox_until_it_is_less_and_does_everything_else() {
    let scene = scene(BrokerLimits { mail_waiting: 20, ..BrokerLimits::default() }, &[]).await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    let (chain, to) = (primary.chain, other.id);
    for at in 0..20 {
        let sender = if at % 2 == 0 { &mut primary } else { &mut laptop };
        assert_eq!(sender.send(&to, &[], "x").await["error"], json!(null));
    }
    // Twenty are no reason: the sessions go on.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(laptop.send(&to, &[], "one too many").await["error"], json!(null));
    // All devices of the identity: the right is the identity's.
    assert!(primary.raw.ended_within(LOST).await && laptop.raw.ended_within(LOST).await);
    let mut laptop = session(&scene.nats, &scene.laptop, &chain, false).await;
    // It has every other right: to write to inboxes, to read its mail and its identity's inbox.
    assert!(may_publish(&mut laptop, &Subjects::of(&chain).send(&other.chain)).await);
    laptop.raw.subscribe(&format!("{}.>", Subjects::of(&chain).reply_prefix()), 7).await;
    assert_eq!(laptop.raw.settle().await, []);
    let (next, reply) = (Subjects::of(&chain).next(), format!("{}.r", Subjects::of(&chain).reply_prefix()));
    laptop.raw.publish(&next, &reply, r#"{"batch":1,"no_wait":true}"#).await;
    assert!(matches!(laptop.raw.next().await, Sent::Message { headers, .. } if headers.starts_with("NATS/1.0 404")));
    assert_eq!(other.send(&laptop.id, &[], "to who only reads").await["error"], json!(null));
    assert_eq!(laptop.take(1).await, ["to who only reads"]);
    // One less, and it may write again: the session ends, and the next one may.
    assert_eq!(other.take(1).await, ["x"]);
    assert!(laptop.raw.ended_within(PATIENCE).await);
    let mut laptop = session(&scene.nats, &scene.laptop, &chain, true).await;
    assert_eq!(laptop.send(&to, &[], "again").await["error"], json!(null));
    assert_eq!(scene.server.get("/v1/readyz").await.status, 200);
}

/// The most when it is three quarters full: whoever has the most waiting, not whoever wrote the most that was read.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_stream_that_is_nearly_full_whoever_has_the_most_waiting_makes_room() {
    let scene = scene(BrokerLimits::default(), &["--nats-mail-bytes", "1048576"]).await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    let (own, theirs, reader) = (primary.chain, other.chain, laptop.id);
    // A lively conversation, all of it read.
    for _ in 0..40 {
        assert_eq!(other.send(&reader, &[], "a word").await["error"], json!(null));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(laptop.take(40).await.len(), 40);
    let frame = "x".repeat(32_000);
    for _ in 0..25 {
        assert_eq!(primary.send(&reader, &[], &frame).await["error"], json!(null));
    }
    assert!(primary.raw.ended_within(LOST).await);
    drop(session(&scene.nats, &scene.owner.identity, &own, false).await);
    let subject = other.subjects.send(&reader);
    assert!(may_publish(&mut other, &subject).await, "whoever has little there goes on");
    let mut other = session(&scene.nats, &scene.other.identity, &theirs, true).await;
    assert_eq!(other.send(&reader, &[], "still").await["error"], json!(null));
    let store = Store::mail(&scene.nats).await;
    store.change("STREAM.PURGE.KEZ_CHAT", json!({})).await;
    session(&scene.nats, &scene.owner.identity, &own, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_before_the_server_began_counts_too() {
    let scene = scene(BrokerLimits::default(), &[]).await;
    let store = Store::mail(&scene.nats).await;
    let (chain, to) = (scene.owner.chain.id(), scene.other.identity.id());
    let folder = scene.server.stop().await;
    for to in [to.hex(), "7f".repeat(32)] {
        for _ in 0..30 {
            let subject = format!("kez.chat.{}.{to}", chain.hex());
            store.client.request(subject, "x".into()).await.expect("an answer");
        }
    }
    let flags = scene.nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let broker = BrokerLimits { mail_waiting: 25, ..BrokerLimits::default() };
    let limits = kez_chat_server::limits::Limits { broker, ..Default::default() };
    let parts = kez_chat_server::Parts { limits, ..Default::default() };
    let server = crate::harness::Server::start_with_parts(folder, &flags, parts).await;
    server.wait_until_ready().await;
    drop(session(&scene.nats, &scene.laptop, &chain, false).await);
    let left = async { while store.messages().await.len() != 30 {} };
    tokio::time::timeout(PATIENCE, left).await.expect("what is for nobody goes, the rest stays");
}
