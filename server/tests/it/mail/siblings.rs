//! Two devices of one identity have each other's rights to write, and none to read.

use std::time::Duration;

use serde_json::json;

use super::Scene;
use crate::nats::raw::Sent;
use crate::nats::state::Store;

#[tokio::test(flavor = "multi_thread")]
async fn neither_reads_pulls_acknowledges_or_hears_what_is_the_others() {
    let scene = Scene::new().await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    for to in [primary.id, laptop.id] {
        for at in 0..3 {
            assert_eq!(other.send(&to, &[], &format!("{at}")).await["error"], json!(null));
        }
    }
    let store = Store::mail(&scene.nats).await;
    let in_hand = primary.pull(1).await.remove(0);
    let before = (store.messages().await, store.progress().await, store.setup().await);
    let (dk, pk) = (primary.id.hex(), primary.chain.hex());
    for subject in [
        format!("kez.mail.{dk}.>"),
        format!("kez.mail.{dk}.*"),
        format!("kez.mail.{dk}.r1"),
        format!("kez.mail.{dk}.{}", other.chain.hex()),
        format!("kez.mail.*.{}", other.chain.hex()),
        format!("kez.mail.*.{pk}"),
        "kez.mail.*.r1".to_owned(),
        "kez.mail.>".to_owned(),
        format!("kez.mail.{dk}"),
        format!("kez.chat.{pk}.*"),
        format!("kez.chat.{pk}.{dk}"),
        format!("kez.chat.*.{dk}"),
    ] {
        laptop.raw.send(&format!("SUB {subject} 90\r\nSUB {subject} workers 91\r\n")).await;
        let violation = format!("Permissions Violation for Subscription to \"{subject}\"");
        let queue = format!("{violation} using queue \"workers\"");
        assert_eq!(laptop.raw.settle().await, [Sent::Error(violation), Sent::Error(queue)]);
    }
    let reply = laptop.reply();
    for subject in [
        primary.subjects.next(),
        format!("{}.x", laptop.subjects.next()),
        in_hand.ack.clone(),
        format!("$JS.ACK.KEZ_CHAT.{dk}.1.1.1.1.0"),
        "$JS.ACK.KEZ_CHAT".to_owned(),
        format!("kez.mail.{dk}.r1"),
        format!("kez.mail.{dk}.{}", other.chain.hex()),
        format!("kez.mail.{}.r1", laptop.id.hex()),
        format!("kez.chat.{}.{dk}", other.chain.hex()),
        format!("kez.chat.{}.{dk}", laptop.id.hex()),
        format!("kez.chat.{pk}.{dk}.x"),
        format!("$JS.API.CONSUMER.INFO.KEZ_CHAT.{}", laptop.id.hex()),
        format!("$JS.API.CONSUMER.DURABLE.CREATE.KEZ_CHAT.{}", laptop.id.hex()),
        format!("$JS.API.CONSUMER.CREATE.KEZ_CHAT.{}", laptop.id.hex()),
        format!("$JS.API.CONSUMER.DELETE.KEZ_CHAT.{dk}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.{pk}0"),
        "$JS.API.STREAM.INFO.KEZ_CHAT".to_owned(),
        "$JS.API.STREAM.PURGE.KEZ_CHAT".to_owned(),
        "$JS.API.STREAM.MSG.GET.KEZ_CHAT".to_owned(),
        "$JS.API.DIRECT.GET.KEZ_CHAT".to_owned(),
    ] {
        laptop.raw.publish(&subject, &reply, "+ACK").await;
        let violation = Sent::Error(format!("Permissions Violation for Publish to \"{subject}\""));
        assert_eq!(laptop.raw.settle().await, [violation]);
    }
    assert_eq!((store.messages().await, store.progress().await, store.setup().await), before);
    // What reaches the one is not heard by the other, at whatever moment.
    assert_eq!(primary.pull(8).await.len(), 2);
    assert_eq!(other.send(&primary.id, &[], "more").await["error"], json!(null));
    assert_eq!(primary.pull(8).await.len(), 1);
    assert_eq!(laptop.raw.settle().await, []);
    assert_eq!(laptop.take(8).await, ["0", "1", "2"]);
}

/// A pull may name another's reply. What comes there is the puller's own, and says so by its subject and by where it is
/// acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_aimed_at_anothers_replies_is_no_mail_of_theirs() {
    let scene = Scene::new().await;
    let [mut primary, mut laptop, mut other] = scene.devices().await;
    assert_eq!(other.send(&laptop.id, &[], "the laptop's own").await["error"], json!(null));
    let store = Store::mail(&scene.nats).await;
    let forged = format!("kez.mail.{}.{}", primary.id.hex(), other.chain.hex());
    let pull = json!({ "batch": 2, "expires": 300_000_000 }).to_string();
    laptop.raw.publish(&laptop.subjects.next(), &forged, &pull).await;
    // A confirmation is a message, and its subject is the reply that was named: it has nowhere to be acknowledged.
    laptop.raw.publish(&laptop.subjects.send(&other.id), &forged, "x").await;
    laptop.raw.settle().await;
    let mut heard = Vec::new();
    while let Ok(sent) = tokio::time::timeout(Duration::from_millis(800), primary.raw.next()).await {
        heard.push(sent);
    }
    assert!(!heard.is_empty(), "noise comes through, and this is what it looks like");
    for sent in heard {
        let Sent::Message { subject, reply, .. } = &sent else { panic!("{sent:?}") };
        let is_mail = reply.as_ref().is_some_and(|reply| primary.subjects.is_receipt(reply));
        assert!(!is_mail, "{sent:?}");
        if reply.is_some() {
            assert!(!subject.starts_with(&primary.subjects.reply_prefix()), "{sent:?}");
        }
    }
    assert!(
        store.messages().await.iter().all(|(_, subject, _)| !subject.starts_with(&primary.subjects.reply_prefix()))
    );
}
