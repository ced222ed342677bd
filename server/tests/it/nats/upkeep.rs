//! The broker's side is made right again, whatever happened to it, and readiness tells when it is.

use std::time::Duration;

use serde_json::{Value, json};

use super::member::Member;
use super::raw::Raw;
use super::state::Store;
use super::{Nats, with_user};
use crate::harness::{Server, key};

/// The same server again, on the same database.
async fn restarted(nats: &Nats, server: Server) -> Server {
    let folder = server.stop().await;
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::start_by_the_machines_clock(folder, &flags).await;
    server.wait_until_ready().await;
    server
}

/// Logs in, as soon as that is possible.
async fn back(nats: &Nats, key: &kez_core::SigningKey) -> Member {
    let back = async {
        while Raw::try_login(nats, key).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("logins are answered again");
    Member::login(nats, key).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_at_the_broker_is_changed_back() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut own = Member::login(&nats, &user).await;
    let other = Member::login(&nats, &key(2)).await;
    assert_eq!(own.send(&other.id, &[], "kept").await["error"], json!(null));
    let store = Store::open(&nats).await;
    let right = store.setup().await;
    assert_eq!(right["consumers"].as_array().expect("a list").len(), 2);

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
        ("description", json!("changed")),
    ] {
        config[name] = value;
    }
    store.change("STREAM.UPDATE.KEZ_INBOX", config).await;
    store.change(&format!("CONSUMER.DELETE.KEZ_INBOX.{}", own.id.hex()), json!({})).await;
    for (name, filter) in [(other.id.hex(), key(9).id().hex()), ("foreign".to_owned(), "x".to_owned())] {
        let config = json!({ "durable_name": name, "ack_policy": "explicit", "deliver_policy": "all",
            "filter_subject": format!("kez.inbox.{filter}.*"), "max_ack_pending": 7 });
        let create = json!({ "stream_name": "KEZ_INBOX", "config": config });
        // The server makes its own anew as soon as it hears that one is gone.
        let made = async {
            loop {
                store.api(&format!("CONSUMER.DELETE.KEZ_INBOX.{name}"), json!({})).await;
                let made = store.api(&format!("CONSUMER.DURABLE.CREATE.KEZ_INBOX.{name}"), create.clone()).await;
                if made["error"].is_null() {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), made).await.expect("one is made before the server's own");
    }
    assert_ne!(store.setup().await, right);

    let _server = restarted(&nats, server).await;
    let (_own, mut other) = (back(&nats, &user).await, back(&nats, &key(2)).await);
    assert_eq!(store.setup().await, right);
    assert_eq!(other.pull(5).await.iter().map(|message| message.payload.as_str()).collect::<Vec<_>>(), ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_let_in_lately_is_let_in_without_the_database() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    Member::login(&nats, &user).await;
    let away = server.db().with_extension("away");
    std::fs::rename(server.db(), &away).expect("the file moves");
    assert_eq!(Raw::try_login(&nats, &user).await, Ok(()), "its key is known");
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Err("Authorization Violation".to_owned()), "another's is not");
    std::fs::rename(&away, server.db()).expect("the file moves back");
    back(&nats, &key(2)).await;
}

/// What lets a sender's headers set a message's time to live, once on, cannot be turned off.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_to_a_stream_that_cannot_be_put_right() {
    let (nats, server, user) = with_user().await;
    let mut own = Member::login(&nats, &user).await;
    let store = Store::open(&nats).await;
    let right = store.setup().await;
    let mut config = right["streams"][0].clone();
    config["allow_msg_ttl"] = json!(true);
    store.change("STREAM.UPDATE.KEZ_INBOX", config).await;

    let folder = server.stop().await;
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::start_by_the_machines_clock(folder, &flags).await;
    let refused = async {
        while Raw::try_login(&nats, &user).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("it is noticed");
    assert_eq!(Raw::try_login(&nats, &user).await, Err("Authorization Violation".to_owned()));
    let answer = server.get("/v1/readyz").await;
    answer.is(503, "unavailable");
    assert_eq!(answer.json()["checks"]["nats"], "failed");
    // It is not emptied unasked.
    let id = own.id;
    assert_eq!(own.send(&id, &[], "kept").await["error"], json!(null));
    assert_eq!(store.messages().await.len(), 1);

    store.change("STREAM.DELETE.KEZ_INBOX", json!({})).await;
    server.wait_until_ready().await;
    back(&nats, &user).await;
    assert_eq!(store.setup().await, right);
}

/// Names of people that do not exist give nobody more room in the stream.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_nobody_is_thrown_away_and_the_rest_stays() {
    let (nats, server, user) = with_user().await;
    // They never logged in.
    server.register("other", &key(2)).await;
    let mut own = Member::login(&nats, &user).await;
    let id = own.id;
    for (to, text) in [(id, "own"), (key(2).id(), "kept"), (key(9).id(), "nobody's")] {
        assert_eq!(own.send(&to, &[], text).await["error"], json!(null));
    }
    // Names that are no key, and a name that in a question would mean everybody's inbox.
    for name in ["nobody", "*", "$x~"] {
        let subject = format!("kez.send.{}.{name}", id.hex());
        own.raw.publish(&subject, "", "made up").await;
    }
    own.raw.settle().await;
    let store = Store::open(&nats).await;
    let left = async {
        loop {
            let texts: Vec<String> = store.messages().await.into_iter().map(|(_, _, text)| text).collect();
            if texts.len() <= 2 {
                break texts;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let texts = tokio::time::timeout(Duration::from_secs(10), left).await.expect("it is thrown away");
    assert_eq!(texts, ["own", "kept"]);
    let mut other = Member::login(&nats, &key(2)).await;
    assert_eq!(other.pull(1).await[0].payload, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_everything_gets_it_again() {
    let (mut nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut own = Member::login(&nats, &user).await;
    Member::login(&nats, &key(2)).await;
    assert_eq!(own.send(&key(2).id(), &[], "lost").await["error"], json!(null));
    let right = Store::open(&nats).await.setup().await;
    nats.kill().await;
    std::fs::remove_dir_all(nats.out.join("jetstream")).expect("it is gone");
    nats.start_again().await;
    let (mut own, mut other) = (back(&nats, &user).await, back(&nats, &key(2)).await);
    let store = Store::open(&nats).await;
    assert_eq!(store.setup().await, right);
    assert_eq!(store.messages().await, []);
    assert_eq!(own.send(&other.id, &[], "after").await["error"], json!(null));
    assert_eq!(other.pull(1).await[0].payload, "after");
    server.wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_came_back_has_what_it_had() {
    let (mut nats, _server, user) = with_user().await;
    let mut own = Member::login(&nats, &user).await;
    let id = own.id;
    assert_eq!(own.send(&id, &[], "kept").await["error"], json!(null));
    let store = Store::open(&nats).await;
    let before = (store.setup().await, store.messages().await);
    nats.kill().await;
    nats.start_again().await;
    let mut own = back(&nats, &user).await;
    let store = Store::open(&nats).await;
    assert_eq!((store.setup().await, store.messages().await), before);
    assert_eq!(own.pull(1).await[0].payload, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_issuer_was_rotated_and_both_restarted_people_get_in_and_by_the_old_one_nobody_does() {
    let (mut nats, server, user) = with_user().await;
    Member::login(&nats, &user).await;
    let rotated = crate::init::init(&nats.out, &["--rotate-issuer"]);
    assert!(rotated.status.success(), "{rotated:?}");
    nats.kill().await;
    nats.start_again().await;
    // The server runs on with the old key.
    assert!(Raw::try_login(&nats, &user).await.is_err());
    let _server = restarted(&nats, server).await;
    Member::login(&nats, &user).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_broker() {
    let (mut nats, server, user) = with_user().await;
    nats.kill().await;
    let failed = async {
        loop {
            let answer = server.get("/v1/readyz").await;
            if answer.status != 200 {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), failed).await.expect("it is noticed");
    answer.is(503, "unavailable");
    let checks: Value = json!({ "database": "ok", "nats": "failed", "sigchain": "ok" });
    assert_eq!(answer.json()["checks"], checks);
    assert!(!answer.json()["detail"].as_str().expect("a detail").contains("database"), "{}", answer.json());
    // The registry goes on.
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
    server.register("meanwhile", &key(2)).await;
    nats.start_again().await;
    server.wait_until_ready().await;
    back(&nats, &user).await;
    back(&nats, &key(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_curve_key_what_the_broker_asks_is_nobodys_to_read() {
    let nats = Nats::start(&["--xkey"]).await;
    let server = nats.server(&[]).await;
    server.register("tudisco", &key(1)).await;
    // A second listener sees what is asked: it reads nothing, and what it says is worth nothing.
    let listener = nats.as_user("auth").await;
    let mut asked = listener.subscribe("$SYS.REQ.USER.AUTH").await.expect("a subscription");
    listener.flush().await.expect("it is there");
    assert_eq!(Raw::try_login(&nats, &key(1)).await, Ok(()));
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Err("Authorization Violation".to_owned()));
    let message = futures_util::StreamExt::next(&mut asked).await.expect("a request");
    assert!(message.payload.starts_with(b"xkv1"), "it is encrypted");
    let mut own = Member::login(&nats, &key(1)).await;
    let id = own.id;
    assert_eq!(own.send(&id, &[], "note").await["error"], json!(null));
    assert_eq!(own.pull(1).await[0].payload, "note");
}
