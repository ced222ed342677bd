//! What becomes of the mail of a key that is not active any more.

use std::time::Duration;

use kez_core::KeyId;
use serde_json::{Value, json};

use super::Scene;
use super::device::Device;
use crate::harness::key;
use crate::nats::raw::Raw;
use crate::nats::state::Store;

/// Longer than any sweep takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: i64 = 3600;

/// What waits for a device.
async fn texts(store: &Store, of: &KeyId) -> Vec<String> {
    let prefix = format!("kez.mail.{}.", of.hex());
    let stored = store.messages().await.into_iter();
    stored.filter(|(_, subject, _)| subject.starts_with(&prefix)).map(|(_, _, text)| text).collect()
}

async fn consumer(store: &Store, of: &KeyId) -> Value {
    store.api(&format!("CONSUMER.INFO.KEZ_CHAT.{}", of.hex()), json!({})).await
}

/// Waits until a consumer says since when its key is not active, or does not.
async fn is_marked(store: &Store, of: &KeyId, wanted: bool) {
    let marked = async {
        while consumer(store, of).await["config"]["metadata"]["kez-retired-at"].is_string() != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, marked).await.expect("the consumer is changed");
}

async fn is_gone(store: &Store, of: &KeyId) {
    let gone = async {
        while consumer(store, of).await["error"].is_null() || !texts(store, of).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let is_gone = tokio::time::timeout(PATIENCE, gone).await.is_ok();
    assert!(is_gone, "{} {:?}", consumer(store, of).await, texts(store, of).await);
}

/// Long enough for two sweeps.
async fn sweeps() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_of_a_revoked_device_stays_for_72_hours_and_then_goes() {
    let mut scene = Scene::new().await;
    let [_primary, mut laptop, mut other] = scene.devices().await;
    let (id, store) = (laptop.id, Store::mail(&scene.nats).await);
    assert_eq!(other.send(&id, &[], "before").await["error"], json!(null));
    let event = scene.owner.revocation(&scene.laptop);
    scene.owner.post(&scene.server, &event).await.was(201);
    assert!(laptop.raw.ended_within(Duration::from_secs(5)).await);
    is_marked(&store, &id, true).await;
    // Others may not know yet.
    assert_eq!(other.send(&id, &[], "after").await["error"], json!(null));
    sweeps().await;
    assert_eq!(texts(&store, &id).await, ["before", "after"]);
    assert!(Raw::try_login(&scene.nats, &scene.laptop).await.is_err());

    // A server that begins anew knows since when from the broker.
    let flags = scene.nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let folder = scene.server.stop().await;
    let server = crate::harness::Server::start_by_the_machines_clock(folder, &flags).await;
    server.wait_until_ready().await;
    server.clock.advance(71 * HOUR);
    sweeps().await;
    assert_eq!(texts(&store, &id).await, ["before", "after"]);
    server.clock.advance(HOUR);
    is_gone(&store, &id).await;
    // Now it is nobody's: what still comes goes at once.
    let subject = format!("kez.chat.{}.{}", other.chain.hex(), id.hex());
    store.client.request(subject, "late".into()).await.expect("an answer");
    is_gone(&store, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_is_undone_cost_no_mail() {
    let mut scene = Scene::new().await;
    let [_, mut laptop, mut other] = scene.devices().await;
    let (id, chain, store) = (laptop.id, laptop.chain, Store::mail(&scene.nats).await);
    let (thief, fresh) = (key(31), key(33));
    let place = scene.owner.chain.next();
    let event = scene.owner.rotation(&thief, &scene.owner.identity);
    scene.owner.post(&scene.server, &event).await.was(201);
    let event = scene.owner.revocation_by(&scene.laptop, &thief);
    scene.owner.post(&scene.server, &event).await.was(201);
    assert!(laptop.raw.ended_within(Duration::from_secs(5)).await);
    is_marked(&store, &id, true).await;
    assert_eq!(other.send(&id, &[], "meanwhile").await["error"], json!(null));
    sweeps().await;
    let event = scene.owner.rotation_at(&place, &fresh, &scene.owner.recovery);
    scene.owner.post(&scene.server, &event).await.was(201);
    let mut laptop = Device::login(&scene.nats, &scene.laptop, &chain).await;
    assert_eq!(laptop.take(2).await, ["meanwhile"]);
    is_marked(&store, &id, false).await;
    scene.server.clock.advance(80 * HOUR);
    sweeps().await;
    assert!(consumer(&store, &id).await["error"].is_null(), "it is in use");
    is_marked(&store, &thief.id(), false).await;
}

/// A device that never logged in has no consumer. What was written to it stays as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_that_never_came_is_kept_for_and_a_released_handles_devices_are() {
    let mut scene = Scene::new().await;
    let store = Store::mail(&scene.nats).await;
    let mut other = Device::login(&scene.nats, &scene.other.identity, &scene.other.chain.id()).await;
    let (never, primary) = (scene.laptop.id(), scene.owner.identity.id());
    let event = scene.owner.revocation(&scene.laptop);
    scene.owner.post(&scene.server, &event).await.was(201);
    sweeps().await;
    assert_eq!(other.send(&never, &[], "to who never came").await["error"], json!(null));
    is_marked(&store, &never, true).await;
    assert_eq!(other.send(&primary, &[], "to the primary").await["error"], json!(null));
    scene.server.post("/v1/release", scene.server.release("tudisco", &scene.owner.identity)).await;
    is_marked(&store, &primary, true).await;
    sweeps().await;
    assert_eq!(texts(&store, &never).await, ["to who never came"]);
    assert_eq!(texts(&store, &primary).await, ["to the primary"]);
    scene.server.clock.advance(73 * HOUR);
    is_gone(&store, &never).await;
    is_gone(&store, &primary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_no_device_is_thrown_away_and_its_sender_keeps_its_rights() {
    let scene = Scene::new().await;
    let [_, _, mut other] = scene.devices().await;
    let store = Store::mail(&scene.nats).await;
    // The laptop logged in; so did the primary. A recovery key and a key that nobody has are no devices.
    for (to, text) in [(scene.laptop.id(), "kept"), (scene.owner.recovery.id(), "no device"), (key(90).id(), "nobody")]
    {
        assert_eq!(other.send(&to, &[], text).await["error"], json!(null));
    }
    let prefix = format!("kez.chat.{}", other.chain.hex());
    let long = "y".repeat(3_000);
    for name in ["nobody", "*", ">", "$x~", "\u{e4}", &long, &scene.laptop.id().hex().to_uppercase()] {
        other.raw.publish(&format!("{prefix}.{name}"), "", "made up").await;
    }
    other.raw.settle().await;
    // More mistakes than an inbox forgives.
    for at in 0..40 {
        assert_eq!(other.send(&key(100 + at).id(), &[], "nobody").await["error"], json!(null));
    }
    // And headers that some clients break at, to a device: it is that one's to throw away.
    let subject = other.subjects.send(&scene.laptop.id());
    let broken = "NATS/1.0\r\nno name\r\n\r\n";
    other.raw.send(&format!("HPUB {subject} {0} {0}\r\n{broken}\r\n", broken.len())).await;
    let mut last = Vec::new();
    let left = async {
        loop {
            last = store.messages().await;
            if last.iter().map(|(_, _, text)| text.as_str()).collect::<Vec<_>>() == ["kept", ""] {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let is_left = tokio::time::timeout(PATIENCE, left).await.is_ok();
    assert!(is_left, "{last:?}");
    assert_eq!(other.send(&scene.laptop.id(), &[], "and on").await["error"], json!(null));
    assert_eq!(other.raw.settle().await, []);
}
