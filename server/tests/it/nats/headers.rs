//! Headers that mean something to JetStream, on messages that a user may send.

use std::time::Duration;

use serde_json::{Value, json};

use super::member::Member;
use super::state::Store;
use super::{Nats, with_user};
use crate::harness::{Server, key};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// What a header does to a message that a user may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is stored under its sender's own name.
    Stored,
    /// The broker refuses it.
    Refused,
    /// One broker refuses it, which knows the header, and the other stores it, which does not.
    Either,
}
use Fate::{Either, Refused, Stored as Taken};

struct Scene {
    _nats: Nats,
    _server: Server,
    store: Store,
    own: Member,
    other: Member,
}

impl Scene {
    async fn new() -> Scene {
        let nats = Nats::start(&[]).await;
        let server = nats.server(&["--nats-inbox-per-sender", "1000"]).await;
        server.register("tudisco", &key(1)).await;
        server.register("other", &key(2)).await;
        server.register("third", &key(3)).await;
        let (mut own, mut other) = (Member::login(&nats, &key(1)).await, Member::login(&nats, &key(2)).await);
        for at in 0..3 {
            assert_eq!(own.send(&other.id, &[], &format!("to other {at}")).await["error"], json!(null));
            assert_eq!(other.send(&own.id, &[], &format!("to own {at}")).await["error"], json!(null));
        }
        Scene { store: Store::open(&nats).await, _nats: nats, _server: server, own, other }
    }
}

/// The PubAck of a message with these headers. A broker that takes it for a part of something says nothing, or not yet.
async fn sent(own: &mut Member, to: &Member, headers: &[(&str, &str)], text: &str) -> Option<Value> {
    let (subject, reply) = (own.subjects.send(&to.id), own.reply());
    own.raw.publish_with(&subject, &reply, headers, text).await;
    let answer = tokio::time::timeout(Duration::from_secs(2), own.raw.next()).await.ok()?;
    let super::raw::Sent::Message { payload, .. } = answer else { panic!("{answer:?}") };
    serde_json::from_slice(&payload).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_move_nothing_and_nobody() {
    let mut scene = Scene::new().await;
    let (own, other) = (scene.own.id.hex(), scene.other.id.hex());
    let (as_other, into_inbox) = (format!("kez.send.{other}.{own}"), format!("kez.inbox.{own}.{other}"));
    let theirs = format!("kez.inbox.{own}.{other}");
    let cases: Vec<(Vec<(&str, &str)>, Fate)> = vec![
        (vec![("X-Anything", "else")], Taken),
        (vec![("Nats-Rollup", "all")], Refused),
        (vec![("Nats-Rollup", "sub")], Refused),
        (vec![("Nats-Rollup", "nonsense")], Refused),
        (vec![("Nats-TTL", "1s")], Either),
        (vec![("Nats-TTL", "never")], Either),
        (vec![("Nats-Schedule", "@at 2020-01-01T00:00:00Z"), ("Nats-Schedule-Target", &as_other)], Either),
        (vec![("Nats-Schedule", "@every 1s"), ("Nats-Schedule-Target", &as_other)], Either),
        (vec![("Nats-Schedule", "@at 2020-01-01T00:00:00Z"), ("Nats-Schedule-Target", &into_inbox)], Either),
        (vec![("Nats-Schedule-Target", &as_other), ("Nats-Schedule-TTL", "1s")], Taken),
        (vec![("Nats-Incr", "+1")], Either),
        (vec![("Nats-Batch-Id", "b"), ("Nats-Batch-Sequence", "1"), ("Nats-Batch-Commit", "1")], Either),
        (vec![("Nats-Batch-Id", "c"), ("Nats-Batch-Sequence", "1")], Either),
        (vec![("Nats-Expected-Stream", "OTHER")], Refused),
        (vec![("Nats-Expected-Stream", "KEZ_INBOX")], Taken),
        (vec![("Nats-Expected-Last-Sequence", "0")], Refused),
        (vec![("Nats-Expected-Last-Sequence", "99999")], Refused),
        (vec![("Nats-Expected-Last-Subject-Sequence", "99999")], Refused),
        (
            vec![
                ("Nats-Expected-Last-Subject-Sequence", "99999"),
                ("Nats-Expected-Last-Subject-Sequence-Subject", &theirs),
            ],
            Refused,
        ),
        (vec![("Nats-Expected-Last-Msg-Id", "nobodys")], Refused),
        (vec![("Nats-Marker-Reason", "Purge"), ("KV-Operation", "PURGE")], Taken),
        (vec![("Nats-Subject", &as_other), ("Nats-Stream", "OTHER"), ("Nats-Sequence", "1")], Taken),
        (vec![("Nats-Last-Consumer", "x"), ("Status", "408"), ("Description", "Timeout")], Taken),
    ];
    let before = scene.store.messages().await;
    let setup = scene.store.setup().await;
    let mut stored = Vec::new();
    for (at, (headers, fate)) in cases.into_iter().enumerate() {
        let text = format!("attempt {at}");
        let ack = sent(&mut scene.own, &scene.other, &headers, &text).await;
        let is_stored = ack.as_ref().is_some_and(|ack| ack["error"].is_null());
        assert!(fate == Either || is_stored == (fate == Taken), "{headers:?}: {ack:?}");
        if is_stored {
            stored.push(text);
        }
    }
    // A second on, nothing has appeared, vanished or moved: what should have was due long ago.
    let mark = std::time::Instant::now();
    let mut all = scene.store.messages().await;
    while mark.elapsed() < Duration::from_millis(2_500) {
        all = scene.store.messages().await;
        let (old, new) = all.split_at(before.len());
        assert_eq!(old, before);
        let mine = format!("kez.inbox.{other}.{own}");
        let expected: Vec<(&String, &String)> = stored.iter().map(|text| (&mine, text)).collect();
        let found: Vec<(&String, &String)> = new.iter().map(|(_, subject, text)| (subject, text)).collect();
        assert_eq!(found, expected);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(all.len() > before.len());
    assert_eq!(scene.store.setup().await, setup);
}

/// The very same headers do what they say where a stream allows it: that is what the stream's configuration is for.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_stream_allows_rollups_one_sender_empties_it() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut own = Member::login(&nats, &user).await;
    // It would put the stream's settings right again.
    let _folder = server.stop().await;
    let store = Store::open(&nats).await;
    let mut config = store.setup().await["streams"][0].clone();
    config["allow_rollup_hdrs"] = json!(true);
    store.change("STREAM.UPDATE.KEZ_INBOX", config).await;
    let to = key(2).id();
    for _ in 0..3 {
        assert_eq!(own.send(&to, &[], "old").await["error"], json!(null));
    }
    assert_eq!(own.send(&to, &[("Nats-Rollup", "all")], "new").await["error"], json!(null));
    let stored = store.messages().await;
    assert_eq!(stored.iter().map(|(_, _, text)| text.as_str()).collect::<Vec<_>>(), ["new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_used_changes_nothing_of_what_is_there() {
    let mut scene = Scene::new().await;
    let headers = [("Nats-Msg-Id", ID)];
    let first = scene.other.send(&scene.own.id, &headers, "the first").await;
    assert_eq!((&first["error"], &first["duplicate"]), (&json!(null), &json!(null)), "{first}");
    let before = scene.store.messages().await;
    // Somebody else's id, once it is there, only costs whoever uses it their own message; and they are told.
    let again = scene.own.send(&scene.other.id, &headers, "the second").await;
    assert_eq!((&again["duplicate"], &again["seq"]), (&json!(true), &first["seq"]), "{again}");
    let again = scene.own.send(&key(3).id(), &headers, "the third").await;
    assert_eq!(again["duplicate"], json!(true), "{again}");
    assert_eq!(scene.store.messages().await, before);
    let read = scene.own.pull(64).await;
    assert_eq!(read.iter().filter(|message| message.payload == "the first").count(), 1);
    let another = [("Nats-Msg-Id", "1123456789abcdef0123456789abcdef")];
    assert_eq!(scene.own.send(&scene.other.id, &another, "the fourth").await["duplicate"], json!(null));
    assert_eq!(scene.store.messages().await.len(), before.len() + 1);
}
