//! Reply subjects that are aimed at something: the broker or JetStream would publish there on a user's behalf.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use super::Nats;
use super::member::Member;
use super::state::{Store, Stored};
use crate::harness::{Server, key};

/// Messages in each inbox at first: more than there are targets.
const IN_HAND: u32 = 32;

struct Scene {
    nats: Nats,
    _server: Server,
    store: Store,
    own: Member,
    other: Member,
}

impl Scene {
    /// Two with handles, and something in both inboxes.
    async fn new() -> Scene {
        let nats = Nats::start(&[]).await;
        let server = nats.server(&["--nats-inbox-per-sender", "1000"]).await;
        server.register("tudisco", &key(1)).await;
        server.register("other", &key(2)).await;
        server.register("third", &key(3)).await;
        let (mut own, mut other) = (Member::login(&nats, &key(1)).await, Member::login(&nats, &key(2)).await);
        for at in 0..IN_HAND {
            assert_eq!(own.send(&other.id, &[], &format!("to other {at}")).await["error"], json!(null));
            assert_eq!(other.send(&own.id, &[], &format!("to own {at}")).await["error"], json!(null));
        }
        Scene { store: Store::open(&nats).await, nats, _server: server, own, other }
    }

    /// Where an answer would do harm.
    fn targets(&self) -> Vec<String> {
        let (own, other, third) = (self.own.id.hex(), self.other.id.hex(), key(3).id().hex());
        vec![
            format!("kez.send.{other}.{own}"),
            format!("kez.send.{other}.{third}"),
            format!("kez.send.{own}.{other}"),
            "kez.send.x.y".to_owned(),
            format!("kez.inbox.{other}.{own}"),
            format!("kez.inbox.{own}.{other}"),
            "$JS.API.STREAM.PURGE.KEZ_INBOX".to_owned(),
            "$JS.API.STREAM.DELETE.KEZ_INBOX".to_owned(),
            "$JS.API.STREAM.MSG.DELETE.KEZ_INBOX".to_owned(),
            "$JS.API.STREAM.CREATE.EVIL".to_owned(),
            format!("$JS.API.CONSUMER.DELETE.KEZ_INBOX.{other}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{other}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{own}"),
            format!("$JS.ACK.KEZ_INBOX.{other}.1.1.1.1.1"),
            format!("$JS.ACK.KEZ_INBOX.{own}.1.1.1.1.1"),
            "kez.registry.changed".to_owned(),
            "$SYS.REQ.USER.AUTH".to_owned(),
            "$SYS.REQ.SERVER.PING.CONNZ".to_owned(),
            "$SYS._INBOX.x".to_owned(),
            "_R_.x".to_owned(),
            "_INBOX.x".to_owned(),
            "a..b".to_owned(),
        ]
    }

    /// Everything that is stored, once the broker has dealt with all that was asked before.
    async fn settled(&mut self, own: &str) -> Vec<Stored> {
        self.own.raw.settle().await;
        let ack = self.other.send(&self.own.id.clone(), &[], own).await;
        assert_eq!(ack["error"], json!(null), "{ack}");
        self.store.messages().await
    }

    /// Serves whoever comes, as before.
    async fn still_serves(mut self) {
        assert!(self.nats.is_running(), "the broker is alive");
        let mut own = Member::login(&self.nats, &key(1)).await;
        assert_eq!(own.send(&self.other.id, &[], "the last").await["error"], json!(null));
        let read = async { while !self.other.pull(64).await.iter().any(|message| message.payload == "the last") {} };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("it arrives");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_answers_nowhere_but_to_who_asked() {
    let mut scene = Scene::new().await;
    let (before, setup) = (scene.store.messages().await, scene.store.setup().await);
    let next = scene.own.subjects.next();
    for (at, target) in scene.targets().into_iter().enumerate() {
        for body in [
            "",
            "1",
            r#"{"batch":1,"no_wait":true}"#,
            r#"{"batch":2,"expires":1000000}"#,
            r#"{"batch":2,"expires":1000000000,"idle_heartbeat":100000000}"#,
            "{",
        ] {
            scene.own.raw.publish(&next, &target, body).await;
        }
        let stored = scene.settled(&format!("sentinel {at}")).await;
        assert_eq!(stored[..before.len()], before, "{target}");
        assert_eq!(stored.len(), before.len() + 1, "{target}: {stored:?}");
        let seq = stored[before.len()].0;
        scene.store.change("STREAM.MSG.DELETE.KEZ_INBOX", json!({ "seq": seq })).await;
    }
    assert_eq!(scene.store.setup().await, setup);
    scene.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_message_is_confirmed_nowhere_but_to_its_sender() {
    let mut scene = Scene::new().await;
    let (before, setup) = (scene.store.messages().await, scene.store.setup().await);
    let (own, third) = (scene.own.id.hex(), key(3).id());
    let send = scene.own.subjects.send(&third);
    let sent = format!("kez.inbox.{}.{own}", third.hex());
    let marker = format!("kez.inbox.{own}.{}", scene.other.id.hex());
    for (at, target) in scene.targets().into_iter().enumerate() {
        let sentinel = format!("sentinel {at}");
        scene.own.raw.publish(&send, &target, &sentinel).await;
        scene.own.raw.publish_with(&send, &target, &[("Nats-Expected-Last-Sequence", "9999")], "refused").await;
        let stored = scene.settled(&sentinel).await;
        assert_eq!(stored[..before.len()], before, "{target}");
        let more: Vec<_> = stored[before.len()..].iter().map(|(_, subject, text)| (subject, text)).collect();
        // Under its sender's name, or nowhere: the broker keeps some replies to itself, and loses messages that have them.
        // Beside it there is only the message that this test waited for.
        let both = [(&sent, &sentinel), (&marker, &sentinel)];
        let expected =
            if target.starts_with("$JS.ACK.") || target.starts_with("_R_.") { &both[1..] } else { &both[..] };
        assert_eq!(more, expected, "{target}");
        for (seq, ..) in &stored[before.len()..] {
            scene.store.change("STREAM.MSG.DELETE.KEZ_INBOX", json!({ "seq": seq })).await;
        }
    }
    assert_eq!(scene.store.setup().await, setup);
    scene.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_answered_nowhere_but_to_who_gave_it() {
    let mut scene = Scene::new().await;
    let setup = scene.store.setup().await;
    let in_hand = scene.own.pull(IN_HAND).await;
    assert_eq!(in_hand.len(), IN_HAND as usize);
    let (own, other) = (scene.own.id.hex(), scene.other.id.hex());
    let (mine, theirs) = (format!("kez.inbox.{own}.{other}"), format!("kez.inbox.{other}.{own}"));
    for (at, (target, message)) in scene.targets().into_iter().zip(in_hand).enumerate() {
        // The last but one asks for the next message, which is the one that this test waits for.
        for body in
            ["+WPI", "-NAK {\"delay\":60000000000}", "", "nonsense", "+TERM", "+ACK", "+NXT", "+NXT {\"batch\":2}"]
        {
            scene.own.raw.publish(&message.ack, &target, body).await;
        }
        let mut texts = HashSet::new();
        for (_, subject, text) in scene.settled(&format!("sentinel {at}")).await {
            let right = if text.starts_with("to other") { &theirs } else { &mine };
            assert_eq!(&subject, right, "{target}: {text}");
            assert!(text.starts_with("to o") || text.starts_with("sentinel"), "{target}: {text}");
            assert!(texts.insert(text.clone()), "{target}: {text} is there twice");
        }
        let untouched = texts.iter().filter(|text| text.starts_with("to other")).count();
        assert_eq!((untouched, texts.contains(&format!("sentinel {at}"))), (IN_HAND as usize, true), "{target}");
    }
    assert_eq!(scene.store.setup().await, setup);
    scene.still_serves().await;
}

/// A reply that is a wildcard makes the broker forget where answers go that are on their way at that moment. Whoever asks
/// again is answered, and what was sent with an id is there once: nothing is lost or moved by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_to_everybody_costs_others_an_answer_and_no_message() {
    let mut scene = Scene::new().await;
    let (setup, before) = (scene.store.setup().await, scene.store.messages().await);
    let in_hand = scene.own.pull(IN_HAND).await;
    let (own, other) = (scene.own.id, scene.other.id.hex());
    for (at, message) in in_hand.iter().take(8).enumerate() {
        for reply in [">", "*", "*.>", "_INBOX_*.>", "kez.>"] {
            for body in ["+WPI", "-NAK {\"delay\":60000000000}", "+NXT", "+NXT {\"batch\":2}"] {
                scene.own.raw.publish(&message.ack, reply, body).await;
            }
            scene.own.raw.publish(&scene.own.subjects.next(), reply, "{\"batch\":1,\"no_wait\":true}").await;
        }
        assert_eq!(scene.own.raw.settle().await, []);
        let id = format!("{at:032x}");
        let (subject, reply) = (scene.other.subjects.send(&own), scene.other.reply());
        let answered = async {
            loop {
                scene.other.raw.publish_with(&subject, &reply, &[("Nats-Msg-Id", &id)], &id).await;
                let answer = tokio::time::timeout(Duration::from_millis(500), scene.other.raw.next()).await;
                if answer.is_ok() {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(8), answered).await.expect("who asks again is answered");
    }
    // `+NXT` acknowledges one's own; the others' messages are all there.
    let theirs = |stored: &[Stored]| {
        let theirs = stored.iter().filter(|(_, _, text)| text.starts_with("to other"));
        theirs.cloned().collect::<Vec<_>>()
    };
    let stored = scene.store.messages().await;
    assert_eq!(theirs(&stored), theirs(&before));
    let expected: Vec<_> =
        (0..8).map(|at| (format!("kez.inbox.{}.{other}", own.hex()), format!("{at:032x}"))).collect();
    let new = stored.iter().filter(|(_, _, text)| !text.starts_with("to "));
    let new: Vec<_> = new.map(|(_, subject, text)| (subject.clone(), text.clone())).collect();
    assert_eq!(new, expected);
    assert_eq!(scene.store.setup().await, setup);
    assert!(scene.nats.is_running(), "the broker is alive");
}
