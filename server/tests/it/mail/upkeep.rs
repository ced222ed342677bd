//! The mailboxes' stream and consumers are made right again, whatever happens to them, and readiness tells meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use super::Scene;
use super::device::Device;
use crate::nats::raw::Raw;
use crate::nats::state::Store;

/// Longer than any repair takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// As [`Store::setup`], where there may be no stream, and without what the broker notes of a consumer's past.
async fn setup(store: &Store) -> Value {
    let consumers = store.api("CONSUMER.LIST.KEZ_CHAT", json!({})).await;
    if !consumers["error"].is_null() {
        return consumers["error"].clone();
    }
    let mut found = store.setup().await;
    for consumer in found["consumers"].as_array_mut().expect("a list") {
        consumer["metadata"] = Value::Null;
    }
    found
}

async fn is_set_up(store: &Store, right: &Value) {
    let mut last = Value::Null;
    let put_right = async {
        loop {
            last = setup(store).await;
            if last == *right {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let is_in_time = tokio::time::timeout(PATIENCE, put_right).await.is_ok();
    assert!(is_in_time, "{last:#} is not {right:#}");
}

async fn works(from: &mut Device, to: &mut Device, text: &str) {
    let id = to.id;
    let sent = from.send(&id, &[], text).await;
    assert_eq!((&sent["error"], &sent["stream"]), (&Value::Null, &json!("KEZ_CHAT")), "{sent}");
    assert_eq!(to.take(1).await, [text]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_or_changed_consumer_is_made_anew_and_what_waited_is_delivered() {
    let scene = Scene::new().await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    let store = Store::mail(&scene.nats).await;
    let right = setup(&store).await;
    assert_eq!(right["consumers"].as_array().expect("a list").len(), 3);
    assert_eq!(other.send(&laptop.id, &[], "waits").await["error"], json!(null));
    for device in [&primary, &laptop] {
        store.change(&format!("CONSUMER.DELETE.KEZ_CHAT.{}", device.id.hex()), json!({})).await;
    }
    is_set_up(&store, &right).await;
    assert_eq!(laptop.take(1).await, ["waits"]);
    works(&mut other, &mut primary, "again").await;
    // Another's mail, by an edit that nobody tells of.
    let mut config = right["consumers"][0].clone();
    config["max_ack_pending"] = json!(1);
    config["description"] = json!("edited");
    let name = config["durable_name"].as_str().expect("a name").to_owned();
    let edit = json!({ "stream_name": "KEZ_CHAT", "config": config, "action": "update" });
    store.change(&format!("CONSUMER.DURABLE.CREATE.KEZ_CHAT.{name}"), edit).await;
    is_set_up(&store, &right).await;
    // One that was not deleted: right after that the broker has no place for what it notes of a consumer.
    let pause = json!({ "pause_until": "2099-01-01T00:00:00Z" });
    store.change(&format!("CONSUMER.PAUSE.KEZ_CHAT.{}", other.id.hex()), pause).await;
    is_set_up(&store, &right).await;
    works(&mut other, &mut primary, "and again").await;
    scene.server.wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_deleted_stream_is_made_right_again_while_everything_runs() {
    let scene = Scene::new().await;
    let [mut primary, _laptop, mut other] = scene.devices().await;
    let store = Store::mail(&scene.nats).await;
    let right = setup(&store).await;
    let mut config = right["streams"][0].clone();
    for (name, value) in [
        ("allow_rollup_hdrs", json!(true)),
        ("allow_direct", json!(true)),
        ("discard_new_per_subject", json!(false)),
        ("discard", json!("old")),
        ("max_msgs_per_subject", json!(3)),
        ("max_bytes", json!(5_000_000)),
        ("max_age", json!(3_600_000_000_000_i64)),
        ("max_msg_size", json!(100)),
        ("duplicate_window", json!(1_000_000_000)),
    ] {
        config[name] = value;
    }
    store.change("STREAM.UPDATE.KEZ_CHAT", config).await;
    is_set_up(&store, &right).await;
    store.change("STREAM.DELETE.KEZ_CHAT", json!({})).await;
    is_set_up(&store, &right).await;
    scene.server.wait_until_ready().await;
    works(&mut other, &mut primary, "after").await;
}

/// What lets a sender's headers set a message's time to live, once on, cannot be turned off.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_while_the_mailboxes_cannot_be_put_right() {
    let scene = Scene::new().await;
    let store = Store::mail(&scene.nats).await;
    let right = setup(&store).await;
    let mut config = right["streams"][0].clone();
    config["allow_msg_ttl"] = json!(true);
    store.change("STREAM.UPDATE.KEZ_CHAT", config).await;
    let refused = async {
        while Raw::try_login(&scene.nats, &scene.laptop).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("it is noticed");
    let answer = scene.server.get("/v1/readyz").await;
    answer.is(503, "unavailable");
    assert_eq!(answer.json()["checks"]["nats"], "failed");
    store.change("STREAM.DELETE.KEZ_CHAT", json!({})).await;
    scene.server.wait_until_ready().await;
    assert_eq!(Raw::try_login(&scene.nats, &scene.laptop).await, Ok(()));
    is_set_up(&store, &json!({ "streams": right["streams"], "consumers": setup(&store).await["consumers"] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_outlives_the_broker_and_a_broker_that_lost_everything_gets_it_again() {
    let mut scene = Scene::new().await;
    let [primary, _, mut other] = scene.devices().await;
    assert_eq!(other.send(&primary.id, &[], "kept").await["error"], json!(null));
    scene.nats.kill().await;
    scene.nats.start_again().await;
    scene.server.wait_until_ready().await;
    let [mut primary, _, _] = scene.devices().await;
    assert_eq!(primary.take(2).await, ["kept"]);
    scene.nats.kill().await;
    std::fs::remove_dir_all(scene.nats.out.join("jetstream")).expect("it is gone");
    scene.nats.start_again().await;
    scene.server.wait_until_ready().await;
    let [mut primary, _, mut other] = scene.devices().await;
    works(&mut other, &mut primary, "after").await;
}
