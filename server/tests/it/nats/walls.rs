//! What somebody who is logged in may not do: hear others, speak as others, or touch a stream or a consumer.

use kez_core::subject::Subjects;
use serde_json::json;

use super::member::Member;
use super::raw::Sent;
use super::state::Store;
use super::{Nats, with_user};
use crate::harness::{Server, key};

/// A broker, a server, and two who have sent each other something. The second has its message in hand.
async fn two() -> (Nats, Server, Member, Member, String) {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    server.register("third", &key(3)).await;
    let (mut own, mut other) = (Member::login(&nats, &user).await, Member::login(&nats, &key(2)).await);
    assert_eq!(own.send(&other.id, &[], "to other").await["error"], json!(null));
    assert_eq!(other.send(&own.id, &[], "to own").await["error"], json!(null));
    let in_hand = other.pull(1).await.remove(0);
    assert_eq!(in_hand.payload, "to other");
    (nats, server, own, other, in_hand.ack)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_anybody_else() {
    let (nats, _server, mut own, mut other, _) = two().await;
    let (mine, theirs) = (own.id.hex(), other.id.hex());
    let subjects = [
        ">".to_owned(),
        "*".to_owned(),
        "*.>".to_owned(),
        "kez.>".to_owned(),
        "kez.*.*.*".to_owned(),
        "kez.send.>".to_owned(),
        format!("kez.send.{mine}.*"),
        format!("kez.send.{theirs}.{mine}"),
        "kez.inbox.>".to_owned(),
        format!("kez.inbox.*.{mine}"),
        format!("kez.inbox.{mine}"),
        format!("kez.inbox.{theirs}.>"),
        format!("kez.inbox.{theirs}.{mine}"),
        "_INBOX.>".to_owned(),
        "_INBOX.x".to_owned(),
        format!("_INBOX_{mine}"),
        format!("_INBOX_{theirs}.>"),
        format!("_INBOX_{theirs}.reply"),
        "_R_.>".to_owned(),
        "$SYS.>".to_owned(),
        "$SYS.REQ.USER.AUTH".to_owned(),
        "$JS.>".to_owned(),
        "$JS.API.>".to_owned(),
        "$JS.ACK.>".to_owned(),
        "$JS.EVENT.ADVISORY.>".to_owned(),
        format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{mine}"),
        "kez.registry.changed".to_owned(),
    ];
    for (at, subject) in subjects.iter().enumerate() {
        own.raw.send(&format!("SUB {subject} {}\r\nSUB {subject} workers {}\r\n", 100 + at, 200 + at)).await;
        let violation = format!("Permissions Violation for Subscription to \"{subject}\"");
        let queue = format!("{violation} using queue \"workers\"");
        assert_eq!(own.raw.settle().await, [Sent::Error(violation), Sent::Error(queue)]);
    }
    // What is one's own is heard, also as a group.
    for (at, subject) in Subjects::of(&own.id).may_subscribe().iter().enumerate() {
        own.raw.send(&format!("SUB {subject} {}\r\nSUB {subject} workers {}\r\n", 300 + at, 400 + at)).await;
        assert_eq!(own.raw.settle().await, []);
    }
    // Everything that there is to hear happens, and none of it is heard.
    assert_eq!(other.send(&key(3).id(), &[], "to a third").await["error"], json!(null));
    assert_eq!(other.send(&own.id, &[], "to own").await["error"], json!(null));
    let store = Store::open(&nats).await;
    store.client.publish("kez.registry.changed", "{}".into()).await.expect("it is sent");
    store.client.flush().await.expect("it is taken");
    assert_eq!(other.pull(5).await, []);
    assert_eq!(own.raw.settle().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_as_anybody_else_or_touches_what_is_stored() {
    let (nats, _server, mut own, other, ack) = two().await;
    let (mine, theirs) = (own.id.hex(), other.id.hex());
    let third = key(3).id().hex();
    let evil = json!({ "stream_name": "KEZ_INBOX", "action": "create", "config": {
        "durable_name": "evil", "name": "evil", "ack_policy": "none", "deliver_policy": "all",
        "filter_subject": format!("kez.inbox.{theirs}.*"), "deliver_subject": own.reply() } });
    let stream = json!({ "name": "EVIL", "subjects": ["evil.>"], "storage": "memory" });
    let widened = json!({ "name": "KEZ_INBOX", "subjects": ["kez.send.*.*", "evil.>"], "allow_rollup_hdrs": true });
    let news = json!({ "handle": "tudisco", "key": own.id.to_string(), "chain": own.id.to_string(), "is_end": true });
    let nothing = json!({});
    let cases = [
        (format!("kez.send.{theirs}.{mine}"), &nothing),
        (format!("kez.send.{theirs}.{third}"), &nothing),
        (format!("kez.send.{mine}"), &nothing),
        (format!("kez.send.{mine}.{theirs}.x"), &nothing),
        (format!("kez.inbox.{theirs}.{mine}"), &nothing),
        (format!("kez.inbox.{mine}.{theirs}"), &nothing),
        ("kez.registry.changed".to_owned(), &news),
        ("$JS.API.CONSUMER.CREATE.KEZ_INBOX".to_owned(), &evil),
        ("$JS.API.CONSUMER.CREATE.KEZ_INBOX.evil".to_owned(), &evil),
        (format!("$JS.API.CONSUMER.CREATE.KEZ_INBOX.evil.kez.inbox.{theirs}.*"), &evil),
        ("$JS.API.CONSUMER.DURABLE.CREATE.KEZ_INBOX.evil".to_owned(), &evil),
        (format!("$JS.API.CONSUMER.DURABLE.CREATE.KEZ_INBOX.{mine}"), &evil),
        (format!("$JS.API.CONSUMER.INFO.KEZ_INBOX.{mine}"), &nothing),
        (format!("$JS.API.CONSUMER.INFO.KEZ_INBOX.{theirs}"), &nothing),
        (format!("$JS.API.CONSUMER.DELETE.KEZ_INBOX.{theirs}"), &nothing),
        (format!("$JS.API.CONSUMER.PAUSE.KEZ_INBOX.{theirs}"), &nothing),
        (format!("$JS.API.CONSUMER.UNPIN.KEZ_INBOX.{theirs}"), &nothing),
        ("$JS.API.CONSUMER.LIST.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.CONSUMER.NAMES.KEZ_INBOX".to_owned(), &nothing),
        (format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{theirs}"), &nothing),
        (format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{mine}.x"), &nothing),
        (ack.clone(), &nothing),
        ("$JS.ACK.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.FC.KEZ_INBOX.x.y".to_owned(), &nothing),
        ("$JS.API.INFO".to_owned(), &nothing),
        ("$JS.API.STREAM.INFO.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.PURGE.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.DELETE.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.MSG.GET.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.MSG.DELETE.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.CREATE.EVIL".to_owned(), &stream),
        ("$JS.API.STREAM.UPDATE.KEZ_INBOX".to_owned(), &widened),
        ("$JS.API.STREAM.SNAPSHOT.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.RESTORE.KEZ_INBOX".to_owned(), &nothing),
        ("$JS.API.STREAM.LIST".to_owned(), &nothing),
        ("$JS.API.STREAM.NAMES".to_owned(), &nothing),
        ("$JS.API.DIRECT.GET.KEZ_INBOX".to_owned(), &nothing),
        (format!("$JS.API.DIRECT.GET.KEZ_INBOX.kez.inbox.{theirs}.{mine}"), &nothing),
        ("$SYS.REQ.USER.AUTH".to_owned(), &nothing),
        ("$SYS.REQ.USER.INFO".to_owned(), &nothing),
        ("$SYS.REQ.SERVER.PING.CONNZ".to_owned(), &nothing),
        ("$SYS.REQ.ACCOUNT.USERS.CONNS".to_owned(), &nothing),
        ("_INBOX.x".to_owned(), &nothing),
        (own.reply(), &nothing),
        (other.reply(), &nothing),
    ];
    let store = Store::open(&nats).await;
    let before = (store.messages().await, store.setup().await, store.progress().await);
    for (subject, body) in cases {
        own.raw.publish(&subject, &own.reply(), &body.to_string()).await;
        let violation = Sent::Error(format!("Permissions Violation for Publish to \"{subject}\""));
        assert_eq!(own.raw.settle().await, [violation]);
    }
    assert_eq!((store.messages().await, store.setup().await, store.progress().await), before);
    // The same is done to whoever may do it, so that it would have shown.
    assert_eq!(own.send(&other.id, &[], "more").await["error"], json!(null));
    assert_eq!(store.messages().await.len(), before.0.len() + 1);
    let mut outsider = super::raw::Raw::login_as(&nats, "store").await;
    outsider.publish(&ack, "", "+ACK").await;
    outsider.publish("$JS.API.CONSUMER.CREATE.KEZ_INBOX.evil", "", &evil.to_string()).await;
    outsider.publish("$JS.API.STREAM.CREATE.EVIL", "", &stream.to_string()).await;
    assert_eq!(outsider.settle().await, []);
    let changed = async { while store.setup().await == before.1 || store.progress().await == before.2 {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), changed).await.expect("it shows");
    store.change("STREAM.PURGE.KEZ_INBOX", json!({})).await;
    assert_eq!(store.messages().await, []);
}
