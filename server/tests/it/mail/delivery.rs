//! What one identity's devices write to another's, and what the broker takes.

use kez_core::subject::parse_mail;
use serde_json::json;

use super::Scene;
use crate::nats::raw::Raw;
use crate::nats::state::Store;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_reads_what_was_written_to_it_and_knows_by_whom() {
    let scene = Scene::new().await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    for (to, text) in [(primary.id, "to the primary"), (laptop.id, "to the laptop")] {
        let sent = other.send(&to, &[("Nats-Msg-Id", &"0a".repeat(16).replace('a', &text[7..8]))], text).await;
        assert_eq!((&sent["error"], &sent["stream"]), (&json!(null), &json!("KEZ_CHAT")), "{sent}");
    }
    // Also to a device of one's own.
    assert_eq!(primary.send(&laptop.id, &[], "from a sibling").await["error"], json!(null));
    let read = primary.pull(8).await;
    assert_eq!(read.iter().map(|message| message.payload.as_str()).collect::<Vec<_>>(), ["to the primary"]);
    assert_eq!(parse_mail(&read[0].subject), Some((primary.id, other.chain)));
    assert!(primary.subjects.is_receipt(&read[0].ack), "{}", read[0].ack);
    let read = laptop.pull(8).await;
    let senders: Vec<_> = read.iter().map(|message| parse_mail(&message.subject)).collect();
    assert_eq!(senders, [Some((laptop.id, other.chain)), Some((laptop.id, primary.chain))]);
    assert_eq!(other.pull(8).await, []);
}

/// 65,000 bytes and their id are a frame; the broker counts both, and refuses more with a word.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_frame_is_taken_and_a_larger_one_refused_in_words() {
    let scene = Scene::new().await;
    let [mut primary, _, mut other] = scene.devices().await;
    let id = "0123456789abcdef".repeat(2);
    let headers = [("Nats-Msg-Id", id.as_str()), ("Nats-Expected-Stream", "KEZ_CHAT")];
    let largest = "x".repeat(65_000);
    let sent = other.send(&primary.id, &headers, &largest).await;
    assert_eq!((&sent["error"], &sent["duplicate"]), (&json!(null), &json!(null)), "{sent}");
    let again = other.send(&primary.id, &headers, &largest).await;
    assert_eq!(again["duplicate"], json!(true), "a repetition within seconds is told");
    let refused = other.send(&primary.id, &[], &"x".repeat(65_300)).await;
    assert_eq!(refused["error"]["err_code"], 10_054, "{refused}");
    assert_eq!(primary.take(2).await, [largest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sender_fills_its_own_place_in_a_mailbox_and_no_more() {
    let scene = Scene::with(&["--nats-mail-per-sender", "3"]).await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    for at in 0..3 {
        assert_eq!(other.send(&primary.id, &[], &at.to_string()).await["error"], json!(null));
    }
    let full = other.send(&primary.id, &[], "too many").await;
    assert_eq!(full["error"]["err_code"], 10_077, "{full}");
    assert_eq!(other.send(&laptop.id, &[], "another mailbox").await["error"], json!(null));
    assert_eq!(laptop.send(&primary.id, &[], "another sender").await["error"], json!(null));
    assert_eq!(primary.take(8).await, ["0", "1", "2", "another sender"]);
    assert_eq!(other.send(&primary.id, &[], "there is room again").await["error"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_a_work_queue_of_bounded_size_in_which_no_header_does_anything() {
    let scene = Scene::new().await;
    let config = Store::mail(&scene.nats).await.info().await["config"].clone();
    let right = json!({
        "name": "KEZ_CHAT", "subjects": ["kez.chat.*.*"], "retention": "workqueue", "storage": "file",
        "subject_transform": { "src": "kez.chat.*.*", "dest": "kez.mail.{{wildcard(2)}}.{{wildcard(1)}}" },
        "discard": "new", "discard_new_per_subject": true, "max_msgs_per_subject": 256, "max_msgs": -1,
        "max_bytes": 4_294_967_296_u64, "max_age": 2_592_000_000_000_000_u64, "max_msg_size": 65_256,
        "duplicate_window": 10_000_000_000_u64,
    });
    for (name, value) in right.as_object().expect("an object") {
        assert_eq!(&config[name], value, "{name}");
    }
    for off in [
        "allow_rollup_hdrs",
        "allow_msg_ttl",
        "allow_msg_counter",
        "allow_msg_schedules",
        "allow_atomic",
        "allow_direct",
    ] {
        assert!(matches!(config[off], serde_json::Value::Null | serde_json::Value::Bool(false)), "{off}");
    }
}

/// The consumer is there before the login is answered, so that nothing is missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_devices_consumer_is_there_once_it_is_let_in() {
    let scene = Scene::new().await;
    let store = Store::mail(&scene.nats).await;
    let find = async |hex: String| store.api(&format!("CONSUMER.INFO.KEZ_CHAT.{hex}"), json!({})).await;
    let dk = scene.laptop.id().hex();
    assert_eq!(find(dk.clone()).await["error"]["err_code"], 10_014, "it never logged in");
    let written =
        store.client.request(format!("kez.chat.{}.{dk}", scene.other.chain.id().hex()), "before".into()).await;
    written.expect("an answer");
    assert_eq!(Raw::try_login(&scene.nats, &scene.laptop).await, Ok(()));
    let found = find(dk.clone()).await["config"].clone();
    let right = json!({ "durable_name": dk, "filter_subject": format!("kez.mail.{dk}.*"), "ack_policy": "explicit",
        "deliver_policy": "all", "max_ack_pending": 256 });
    for (name, value) in right.as_object().expect("an object") {
        assert_eq!(&found[name], value, "{name}");
    }
    let [_, mut laptop, _] = scene.devices().await;
    assert_eq!(laptop.take(2).await, ["before"], "what was written before it first came");
}
