//! Whatever an operator does to stream and consumers while everything runs is put right, and readiness tells meanwhile.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::member::Member;
use super::raw::{Raw, Sent};
use super::state::Store;
use super::with_user;
use crate::harness::{Server, key};

/// Longer than any repair takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until stream and consumers are set up like that.
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

/// As [`Store::setup`], where there may be no stream, and without what the broker notes of a consumer's past.
async fn setup(store: &Store) -> Value {
    let consumers = store.api("CONSUMER.LIST.KEZ_INBOX", json!({})).await;
    if !consumers["error"].is_null() {
        return consumers["error"].clone();
    }
    let mut found = store.setup().await;
    for consumer in found["consumers"].as_array_mut().expect("a list") {
        consumer["metadata"] = Value::Null;
    }
    found
}

/// Asks `server` whether it is ready until the answer has this status; gives its words.
async fn readiness(server: &Server, status: u16) -> Value {
    let asked = async {
        loop {
            let answer = server.get("/v1/readyz").await;
            if answer.status == status {
                break answer.json();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("readiness follows")
}

/// Sends to itself, and reads it.
async fn works(member: &mut Member, text: &str) {
    let id = member.id;
    let sent = member.send(&id, &[], text).await;
    assert_eq!((&sent["error"], &sent["stream"]), (&Value::Null, &json!("KEZ_INBOX")), "{sent}");
    let read: Vec<String> = member.pull(1).await.into_iter().map(|message| message.payload).collect();
    assert_eq!(read, [text]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_consumers_are_made_anew_and_what_waited_is_delivered() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut own = Member::login(&nats, &user).await;
    let away = Member::login(&nats, &key(2)).await.id;
    let store = Store::open(&nats).await;
    let right = setup(&store).await;
    assert_eq!(own.send(&away, &[], "waits").await["error"], json!(null));
    // Somebody waits for a message at that moment: the broker tells them.
    let question = json!({ "batch": 1, "expires": 20_000_000_000_u64 }).to_string();
    own.raw.publish(&own.subjects.next(), &own.reply(), &question).await;
    own.raw.settle().await;
    for chain in [own.id, away] {
        store.change(&format!("CONSUMER.DELETE.KEZ_INBOX.{}", chain.hex()), json!({})).await;
    }
    let told = own.raw.next().await;
    assert!(
        matches!(&told, Sent::Message { headers, .. } if headers.starts_with("NATS/1.0 409 Consumer Deleted")),
        "{told:?}"
    );
    is_set_up(&store, &right).await;
    works(&mut own, "again").await;
    let mut away = Member::login(&nats, &key(2)).await;
    assert_eq!(away.pull(1).await[0].payload, "waits");
    readiness(&server, 200).await;
}

/// A broker that has just deleted a stream may take the files of the next one of that name with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_stream_is_made_anew_once_the_broker_has_let_go_of_it() {
    let (nats, _server, user) = with_user().await;
    let mut own = Member::login(&nats, &user).await;
    let store = Store::open(&nats).await;
    let right = setup(&store).await;
    store.change("STREAM.DELETE.KEZ_INBOX", json!({})).await;
    let deleted = std::time::Instant::now();
    while deleted.elapsed() < Duration::from_millis(500) {
        assert_eq!(setup(&store).await["err_code"], 10_059, "after {:?}", deleted.elapsed());
    }
    // Who comes meanwhile waits, and gets in.
    drop(Member::login(&nats, &user).await);
    is_set_up(&store, &right).await;
    works(&mut own, "stored").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_stream_is_made_anew_with_the_consumers_of_those_who_read() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    server.register("away", &key(3)).await;
    let (mut own, mut other) = (Member::login(&nats, &user).await, Member::login(&nats, &key(2)).await);
    let store = Store::open(&nats).await;
    let right = setup(&store).await;
    drop(Member::login(&nats, &key(3)).await);
    store.change("STREAM.DELETE.KEZ_INBOX", json!({})).await;
    let mine = async |store: &Store| {
        let mut found = setup(store).await;
        let hex = key(3).id().hex();
        if let Some(consumers) = found["consumers"].as_array_mut() {
            consumers.retain(|config| config["durable_name"] != hex);
        }
        found
    };
    let put_right = async {
        while mine(&store).await != right {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, put_right).await.expect("it is made anew");
    works(&mut own, "own").await;
    works(&mut other, "other's").await;
    readiness(&server, 200).await;
    // Who was not connected, and is cached as somebody whose inbox is there, gets it at the next login.
    works(&mut Member::login(&nats, &key(3)).await, "away's").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_stream_cannot_be_made_the_server_is_not_ready_and_says_why() {
    let (nats, server, user) = with_user().await;
    let mut own = Member::login(&nats, &user).await;
    let store = Store::open(&nats).await;
    let right = setup(&store).await;
    // One after the other, before anybody else can ask for anything.
    let foreign = json!({ "name": "FOREIGN", "subjects": ["kez.send.>"], "storage": "memory" });
    let taken = async {
        loop {
            let (_, made) = tokio::join!(
                store.api("STREAM.DELETE.KEZ_INBOX", json!({})),
                store.api("STREAM.CREATE.FOREIGN", foreign.clone())
            );
            if made["error"].is_null() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.expect("its place is taken");
    // That its consumers are gone may be told first.
    let said = async {
        loop {
            let answer = readiness(&server, 503).await;
            assert_eq!(answer["checks"]["nats"], "failed");
            if answer["detail"].as_str().expect("a sentence").contains("stream KEZ_INBOX") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, said).await.expect("the stream is named");
    // Nobody gets in to where no inbox is, although the key is known.
    assert_eq!(Raw::try_login(&nats, &user).await, Err("Authorization Violation".to_owned()));
    store.change("STREAM.DELETE.FOREIGN", json!({})).await;
    readiness(&server, 200).await;
    is_set_up(&store, &right).await;
    works(&mut own, "again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_while_the_server_runs_is_changed_back() {
    let (nats, server, user) = with_user().await;
    let mut own = Member::login(&nats, &user).await;
    let store = Store::open(&nats).await;
    let right = setup(&store).await;
    let mut changes: Vec<(String, Value)> = Vec::new();
    for (name, value) in [
        ("max_msgs", json!(1)),
        ("max_msg_size", json!(100)),
        ("max_age", json!(3_600_000_000_000_i64)),
        ("allow_rollup_hdrs", json!(true)),
        ("subjects", json!(["elsewhere"])),
        ("subject_transform", Value::Null),
    ] {
        let mut config = right["streams"][0].clone();
        config[name] = value;
        changes.push(("STREAM.UPDATE.KEZ_INBOX".to_owned(), config));
    }
    let hex = own.id.hex();
    let mut config = right["consumers"][0].clone();
    config["max_ack_pending"] = json!(1);
    let create = json!({ "stream_name": "KEZ_INBOX", "config": config });
    // Of this one nobody tells.
    changes.push((format!("CONSUMER.DURABLE.CREATE.KEZ_INBOX.{hex}"), create));
    changes.push((format!("CONSUMER.PAUSE.KEZ_INBOX.{hex}"), json!({ "pause_until": "2100-01-01T00:00:00Z" })));
    for (call, body) in changes {
        store.change(&call, body).await;
        is_set_up(&store, &right).await;
        works(&mut own, &call).await;
        readiness(&server, 200).await;
    }
}

/// Two servers of one broker that were given different limits: neither is wrong, and neither wins.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_disagree_about_limits_do_not_keep_the_broker_busy() {
    let (nats, one, _) = with_user().await;
    let store = Store::open(&nats).await;
    let mut updates =
        store.client.subscribe("$JS.EVENT.ADVISORY.STREAM.UPDATED.KEZ_INBOX").await.expect("they are heard");
    let other = nats.server(&["--nats-inbox-days", "7"]).await;
    let mut count = 0;
    let counted = async {
        while updates.next().await.is_some() {
            count += 1;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(8), counted).await;
    // They pause for 1, 2, 4, 8 … seconds each.
    assert!((1..=16).contains(&count), "{count} updates");
    for server in [&one, &other] {
        readiness(server, 200).await;
    }
}
